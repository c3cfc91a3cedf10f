//! What every transport does, on real sockets.

#![expect(clippy::unwrap_used, reason = "what the tests share is a test as well")]

use std::{future::poll_fn, net::Ipv4Addr, time::Duration};

use pointsman_http::{HttpSettings, HttpTransport};
#[cfg(feature = "reqwest")]
use pointsman_http::{ProxySettings, ReqwestTransport};
use pointsman_provider::{Incoming, Pieces, Transport};
use pointsman_testkit::{Behaviour, Upstream};
use pointsman_types::{Error, ErrorKind};
use tokio::net::TcpListener;

const WITHIN: Duration = Duration::from_secs(30);

/// Each transport of this build, set up alike.
fn transports(settings: &HttpSettings) -> Vec<Box<dyn Transport>> {
    vec![
        Box::new(HttpTransport::new(settings).unwrap()),
        #[cfg(feature = "reqwest")]
        Box::new(ReqwestTransport::new(settings, &ProxySettings::default()).unwrap()),
    ]
}

fn all() -> Vec<Box<dyn Transport>> {
    transports(&HttpSettings::default())
}

fn post(to: &str, parts: &[&'static str]) -> http::Request<Pieces> {
    let mut body = Pieces::default();
    for part in parts {
        body.push((*part).into());
    }
    http::Request::post(to).header("x-mine", "kept").body(body).unwrap()
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    while let Some(piece) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
        all.extend_from_slice(&piece?);
    }
    Ok(all)
}

async fn fails(transport: &dyn Transport, to: &str) -> Error {
    transport.send(post(to, &["{}"])).await.err().unwrap()
}

#[tokio::test]
async fn a_request_arrives_as_it_was_put_together() {
    for transport in all() {
        let up = Upstream::start("a").await.unwrap();
        let to = format!("http://{}/v1/chat/completions?a=b", up.address());
        let answer = transport.send(post(&to, &["{\"model\"", ": \"m\"}"])).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-upstream"], "a");
        assert!(!read(answer.into_body()).await.unwrap().is_empty());
        let seen = &up.calls()[0];
        assert_eq!(
            (seen.path.as_str(), &seen.body[..]),
            ("/v1/chat/completions?a=b", &b"{\"model\": \"m\"}"[..])
        );
        let address = up.address().to_string();
        for (name, value) in
            [("x-mine", "kept"), ("content-length", "14"), ("host", address.as_str())]
        {
            assert_eq!(seen.header(name), Some(value), "{transport:?}");
        }
        assert!(seen.header("user-agent").unwrap().starts_with("pointsman/"));
    }
}

#[tokio::test]
async fn connections_are_kept() {
    for transport in all() {
        let up = Upstream::start("a").await.unwrap();
        for _ in 0..3 {
            let answer = transport.send(post(&up.base(), &["{}"])).await.unwrap();
            read(answer.into_body()).await.unwrap();
        }
        assert_eq!((up.count(), up.accepted()), (3, 1), "{transport:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_an_error_status_too() {
    for transport in all() {
        let (up, other) =
            (Upstream::start("a").await.unwrap(), Upstream::start("b").await.unwrap());
        up.then([Behaviour::ok().status(307).header("location", &other.base())]);
        up.then([Behaviour::ok().status(503)]);
        for status in [307, 503] {
            let answer = transport.send(post(&up.base(), &["{}"])).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{transport:?}");
        }
        assert_eq!((up.count(), other.count()), (2, 0), "{transport:?}");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let refusing = Upstream::refusing().unwrap();
    let plain = Upstream::start("a").await.unwrap();
    for transport in all() {
        for to in [
            refusing.base(),
            "http://nobody.invalid/v1".to_owned(),
            format!("https://{}/v1", plain.address()),
        ] {
            let error = fails(transport.as_ref(), &to).await;
            assert_eq!((error.kind, error.detail.unsent), (ErrorKind::Connection, true), "{error}");
        }
        let refused = fails(transport.as_ref(), &refusing.base()).await;
        assert!(refused.message().contains("refused"), "{refused}");
    }
    assert_eq!(plain.count(), 0);
}

#[tokio::test]
async fn a_connection_that_takes_too_long_is_a_timeout() {
    // The system accepts, and nobody answers the TLS greeting.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let to = format!("https://{}/", silent.local_addr().unwrap());
    let settings =
        HttpSettings { connect_timeout: Duration::from_millis(50), ..HttpSettings::default() };
    for transport in transports(&settings) {
        let error = fails(transport.as_ref(), &to).await;
        assert_eq!((error.kind, error.detail.unsent), (ErrorKind::Timeout, true), "{error}");
    }
}

#[tokio::test]
async fn what_breaks_after_the_send_was_sent() {
    for transport in all() {
        let up = Upstream::start("a").await.unwrap();
        up.then([Behaviour::ok().cut_before_headers()]);
        let error = fails(transport.as_ref(), &up.base()).await;
        assert_eq!((error.kind, error.detail.unsent), (ErrorKind::Connection, false), "{error}");
        assert_eq!(up.count(), 1, "nothing is sent twice");
        for broken in [
            Behaviour::ok().sse(["data: 1\n\n", "data: 2\n\n"]).cut_after_chunks(1),
            Behaviour::ok().sse(["data: 1\n\n", "data: 2\n\n"]).cut_after_chunks(1).reset(),
        ] {
            up.then([broken]);
            let answer = transport.send(post(&up.base(), &["{}"])).await.unwrap();
            let error = read(answer.into_body()).await.unwrap_err();
            assert_eq!(
                (error.kind, error.detail.unsent),
                (ErrorKind::Connection, false),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn a_body_that_is_dropped_ends_the_exchange() {
    for transport in all() {
        let up = Upstream::start("a").await.unwrap();
        up.then([Behaviour::ok().sse(["data: 1\n\n"]).hang_after_chunks(1)]);
        let answer = transport.send(post(&up.base(), &["{}"])).await.unwrap();
        drop(answer);
        up.until(WITHIN, |tally| tally.hung_up == 1).await.unwrap();
    }
}

#[cfg(feature = "reqwest")]
#[tokio::test]
async fn a_proxy_is_gone_through_but_for_the_hosts_named() {
    let (proxy, up) =
        (Upstream::start("proxy").await.unwrap(), Upstream::start("a").await.unwrap());
    let proxies = ProxySettings {
        http: Some(format!("http://{}", proxy.address())),
        no_proxy: Some("127.0.0.1".to_owned()),
        https: None,
    };
    let transport = ReqwestTransport::new(&HttpSettings::default(), &proxies).unwrap();
    let answer = transport.send(post("http://nobody.invalid/v1", &["{}"])).await.unwrap();
    assert_eq!(answer.headers()["x-upstream"], "proxy");
    assert_eq!(proxy.calls()[0].header("host"), Some("nobody.invalid"));
    let answer = transport.send(post(&up.base(), &["{}"])).await.unwrap();
    assert_eq!(answer.headers()["x-upstream"], "a");
    assert_eq!(proxy.count(), 1);
}

#[cfg(feature = "reqwest")]
#[test]
fn a_proxy_that_is_no_address_is_refused_and_no_password_is_shown() {
    let proxies = |https: &str| ProxySettings { https: Some(https.into()), ..Default::default() };
    let settings = HttpSettings::default();
    assert!(ReqwestTransport::new(&settings, &proxies("http://")).is_err());
    let secret = proxies("http://me:hunter2@127.0.0.1:3128");
    let transport = ReqwestTransport::new(&settings, &secret).unwrap();
    assert!(!format!("{secret:?} {transport:?}").contains("hunter2"));
}
