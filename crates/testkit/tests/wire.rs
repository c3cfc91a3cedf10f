//! The raw client against servers that are nothing but bytes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

use pointsman_testkit::{Upstream, Wire, wire::request};

const SOON: Duration = Duration::from_secs(20);
const WHILE: Duration = Duration::from_millis(60);

/// A connection to a server that sends these bytes, then closes once the client has.
async fn served(bytes: &'static [u8], close: bool) -> Wire {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(bytes).unwrap();
        if !close {
            // Until the client closes; however it does.
            drop(stream.read(&mut [0]));
        }
    });
    Wire::connect(address, SOON).await.unwrap()
}

#[tokio::test]
async fn reads_every_framing() {
    for (bytes, close, expected) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"[..], false, "abc"),
        (b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", false, ""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", false, ""),
        (b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nabc", true, "abc"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n01\r\nc\r\n0\r\n\r\n",
            false,
            "abc",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\ntrailer: x\r\n\r\n",
            false,
            "",
        ),
    ] {
        let mut wire = served(bytes, close).await;
        assert_eq!(wire.response(SOON).await.unwrap().body, expected, "{}", bytes.escape_ascii());
        assert!(wire.next_piece(SOON).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn says_what_is_wrong() {
    for (bytes, expected) in [
        (&b""[..], ErrorKind::UnexpectedEof),
        (b"HTTP/1.1 200 OK\r\nconte", ErrorKind::UnexpectedEof),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", ErrorKind::UnexpectedEof),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
            ErrorKind::UnexpectedEof,
        ),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabcd", ErrorKind::InvalidData),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", ErrorKind::InvalidData),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", ErrorKind::InvalidData),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", ErrorKind::InvalidData),
        (b"SSH-2.0-x\r\n\r\n", ErrorKind::InvalidData),
    ] {
        let error = served(bytes, true).await.response(SOON).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{}", bytes.escape_ascii());
    }
}

#[tokio::test]
async fn waits_no_longer_than_told_and_loses_nothing() {
    let up = Upstream::start("a").await.unwrap();
    let mut wire = Wire::connect(up.address(), SOON).await.unwrap();
    let bytes = request("POST", "/v1/completions", &[], Some(b"{}"));
    let (head, body) = bytes.split_at(20);
    wire.send(head, SOON).await.unwrap();
    assert_eq!(wire.head(WHILE).await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(up.count(), 0, "half a request is none");
    wire.send(body, SOON).await.unwrap();
    assert_eq!(wire.response(SOON).await.unwrap().head.status, 200);

    let mut wire = served(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\na", false).await;
    wire.head(SOON).await.unwrap();
    assert_eq!(wire.next_piece(SOON).await.unwrap().unwrap().bytes, "a");
    assert_eq!(wire.next_piece(WHILE).await.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn half_closes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut wire = Wire::connect(listener.local_addr().unwrap(), SOON).await.unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nseen").unwrap();
        all
    });
    wire.send("GET", SOON).await.unwrap();
    wire.half_close().await.unwrap();
    assert_eq!(wire.response(SOON).await.unwrap().text(), "seen");
    assert_eq!(server.join().unwrap(), "GET");
}
