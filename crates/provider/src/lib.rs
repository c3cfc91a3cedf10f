//! The ports towards upstreams: Provider, Transport, Codec, Frames.
