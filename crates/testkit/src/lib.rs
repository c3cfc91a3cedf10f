//! Faulty upstreams on real sockets, scripted providers, contract suites.
