//! AWS's event-stream frames, written by hand: an oracle for whoever reads them.

use serde_json::Value;

/// One frame of an event stream: its headers are strings.
///
/// ```
/// use pointsman_testkit::event_stream::frame;
/// let frame = frame(&[(":event-type", "x")], b"{}");
/// assert_eq!(&frame[..8], [0, 0, 0, 34, 0, 0, 0, 16]);
/// ```
pub fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, value) in headers {
        // The lengths of a name and a value, and the type of a string between them.
        all.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        all.extend(name.bytes());
        all.push(7);
        all.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        all.extend(value.bytes());
    }
    raw_frame(&all, payload)
}

/// A frame whose headers may be anything.
pub fn raw_frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = [length(16 + headers.len() + payload.len()), length(headers.len())].concat();
    out.extend(checksum(&out).to_be_bytes());
    out.extend(headers);
    out.extend(payload);
    out.extend(checksum(&out).to_be_bytes());
    out
}

/// Events of these types as a stream.
pub fn events(all: &[(&str, Value)]) -> Vec<u8> {
    let one = |(name, payload): &(&str, Value)| {
        let headers = [(":event-type", *name), (":message-type", "event")];
        frame(&headers, payload.to_string().as_bytes())
    };
    all.iter().flat_map(one).collect()
}

/// CRC-32, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    };
    !bytes.iter().fold(!0, step)
}
