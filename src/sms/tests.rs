//! Gateways over HTTP, against a server of the test's own that answers well, badly, late or never.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portvakt_resets::{DeliveryFault, Mobile, Outcome};
use serde_json::json;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// Serves one connection after the other; sends each request on.
fn serve(answer: impl Fn(&mut TcpStream) + Send + 'static) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            if sender.send(read_request(&mut stream)).is_err() {
                return;
            }
            answer(&mut stream);
        }
    });
    (port, requests)
}

fn read_request(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut octets = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).unwrap_or(0);
        octets.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&octets).into_owned();
        let length = |head: &str| {
            let lines = head.lines().map(str::to_lowercase);
            let mut given =
                lines.filter_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            given.next().unwrap_or(0_usize)
        };
        let is_whole = text
            .split_once("\r\n\r\n")
            .is_some_and(|(head, body)| body.len() >= length(head));
        if is_whole || count == 0 {
            return text;
        }
    }
}

fn says(stream: &mut TcpStream, status: &str, body: &str) {
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}

fn settings(port: u16) -> HttpSettings {
    let fields = json!({"to": ["{number}"], "from": "{sender}", "text": "{text}", "ref": "{reference}", "flash": false});
    HttpSettings {
        name: "campus".to_owned(),
        url: format!("http://127.0.0.1:{port}/send").parse().unwrap(),
        method: Method::Post,
        format: BodyFormat::Json,
        charset: Charset::Utf8,
        authentication: Authentication::Bearer,
        user: "portvakt".to_owned(),
        secret: GatewaySecret(Zeroizing::new(b"gateway-key".to_vec())),
        sender: "Campus IT".to_owned(),
        headers: vec![(
            "x-reference".parse().unwrap(),
            Field::parse("ref-{reference}").unwrap(),
        )],
        fields: Template::parse(&fields, BodyFormat::Json).unwrap(),
        timeout: Duration::from_secs(1),
        proxy: None,
        authorities: Vec::new(),
        answer: AnswerRules::default(),
        drops_repeats: false,
        report: None,
    }
}

fn message(text: &str) -> TextMessage {
    TextMessage {
        number: Mobile::parse("91234567").unwrap(),
        text: Zeroizing::new(text.to_owned()),
        reference: "0123456789abcdef0123456789abcdef".to_owned(),
        valid: Duration::from_secs(28_800),
    }
}

fn send(settings: HttpSettings, text: &str) -> Outcome {
    HttpGateway::open(settings).unwrap().send(&message(text))
}

#[test]
fn fields_are_filled_by_value_whatever_stands_in_the_text() {
    let (port, requests) = serve(|stream| says(stream, "202 Accepted", ""));
    let hostile = "Kode \"}],\"to\":[\"+4799999999\"] {number} \\ \n æøå";
    assert_eq!(send(settings(port), hostile), Outcome::HandedOver(None));
    let request = requests.recv_timeout(PATIENCE).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let expected = json!({
        "to": ["+4791234567"],
        "from": "Campus IT",
        "text": hostile,
        "ref": "0123456789abcdef0123456789abcdef",
        "flash": false,
    });
    assert_eq!(body, expected);
    let head = head.to_lowercase();
    for line in [
        "post /send http/1.1",
        "authorization: bearer gateway-key",
        "content-type: application/json",
        "x-reference: ref-0123456789abcdef0123456789abcdef",
    ] {
        assert!(head.contains(line), "{head}");
    }
}

#[test]
fn form_and_query_are_written_in_the_charset_of_the_gateway() {
    let fields = json!({"RCV": "{number-zeros}", "TXT": "{text}", "PW": "{secret}", "n": 7});
    let of = |port, format, method, charset| HttpSettings {
        format,
        method,
        charset,
        authentication: Authentication::None,
        fields: Template::parse(&fields, format).unwrap(),
        ..settings(port)
    };
    let (port, requests) = serve(|stream| says(stream, "200 OK", ""));
    let form = of(port, BodyFormat::Form, Method::Post, Charset::Latin1);
    assert_eq!(send(form.clone(), "æ&x=1"), Outcome::HandedOver(None));
    let request = requests.recv_timeout(PATIENCE).unwrap();
    assert!(
        request.ends_with("PW=gateway-key&RCV=004791234567&TXT=%E6%26x%3D1&n=7"),
        "{request}"
    );
    let query = of(port, BodyFormat::Query, Method::Get, Charset::Utf8);
    send(query, "æ");
    let request = requests.recv_timeout(PATIENCE).unwrap();
    let line = "GET /send?PW=gateway-key&RCV=004791234567&TXT=%C3%A6&n=7 HTTP/1.1";
    assert!(request.starts_with(line), "{request}");
    // What the charset lacks is not sent as something else.
    assert_eq!(send(form, "“"), Outcome::Refused(DeliveryFault::BadRequest));
}

/// PA15: whatever a gateway does, it is over by its deadline, and a message that may have gone out is
/// not called refused.
#[test]
fn hostile_gateway_holds_nothing_up_and_is_believed_nothing() {
    type Answer = fn(&mut TcpStream);
    let cases: [(&str, Answer, Outcome); 9] = [
        ("closes at once", |_| {}, Outcome::Unknown),
        (
            "never answers",
            |_| std::thread::sleep(PATIENCE),
            Outcome::Unknown,
        ),
        (
            "answers garbage",
            |stream| drop(stream.write_all(b"\x00\xff220 smtp.example ESMTP\r\n")),
            Outcome::Unknown,
        ),
        (
            "drips its answer",
            |stream| {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
                while stream.write_all(b"x").is_ok() {
                    std::thread::sleep(Duration::from_millis(50));
                }
            },
            Outcome::Unknown,
        ),
        (
            "answers with no end",
            |stream| {
                let _ = stream.write_all(b"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n");
                let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
                while stream.write_all(chunk.as_bytes()).is_ok() {}
            },
            Outcome::Unknown,
        ),
        (
            "sends elsewhere",
            |stream| {
                let head = "HTTP/1.1 307 Temporary\r\nLocation: http://127.0.0.1:9/\r\n";
                let _ = write!(
                    stream,
                    "{head}Content-Length: 0\r\nConnection: close\r\n\r\n"
                );
            },
            Outcome::Refused(DeliveryFault::BadRequest),
        ),
        (
            "refuses the key",
            |stream| says(stream, "401 Unauthorized", "echo: your text"),
            Outcome::Refused(DeliveryFault::Credentials),
        ),
        (
            "has no credit",
            |stream| says(stream, "402 Payment Required", ""),
            Outcome::Refused(DeliveryFault::NoCredit),
        ),
        (
            "breaks off a success",
            |stream| drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"sta")),
            Outcome::HandedOver(None),
        ),
    ];
    for (what, answer, expected) in cases {
        let (port, _requests) = serve(answer);
        let began = Instant::now();
        assert_eq!(send(settings(port), "Kode"), expected, "{what}");
        assert!(began.elapsed() < PATIENCE / 2, "{what}");
    }
}

#[test]
fn gateway_that_lies_about_success_is_of_unknown_outcome() {
    let (port, _requests) = serve(|stream| says(stream, "200 OK", "{\"status\":\"FAIL\"}"));
    let strict = HttpSettings {
        answer: AnswerRules {
            success: Success {
                condition: Condition {
                    pointer: Some("/status".to_owned()),
                    equals: vec!["OK".to_owned()],
                    ..Condition::default()
                },
                reference: None,
            },
            faults: Vec::new(),
        },
        ..settings(port)
    };
    assert_eq!(send(strict, "Kode"), Outcome::Unknown);
}

#[test]
fn nothing_of_text_or_secret_is_shown() {
    let gateway = settings(9);
    let shown = format!("{gateway:?} {:?}", message("Kode k7mq"));
    for part in ["gateway-key", "k7mq", "91234567"] {
        assert!(!shown.contains(part), "{shown}");
    }
}

#[test]
fn field_with_an_unknown_gap_or_a_lone_brace_is_refused() {
    for (text, expected) in [
        ("{text}", Ok(())),
        ("a {text} b {reference}", Ok(())),
        (
            "{texts}",
            Err(TemplateError::UnknownGap("texts".to_owned())),
        ),
        ("{text", Err(TemplateError::Brace)),
        ("text}", Err(TemplateError::Brace)),
    ] {
        assert_eq!(Field::parse(text).map(drop), expected, "{text}");
    }
    let nested = json!({"a": {"b": "{text}"}});
    assert_eq!(
        Template::parse(&nested, BodyFormat::Form),
        Err(TemplateError::Nested)
    );
    assert!(Template::parse(&nested, BodyFormat::Json).is_ok());
    let deep = (0..9).fold(json!("{text}"), |inner, _| json!({"a": inner}));
    assert_eq!(
        Template::parse(&deep, BodyFormat::Json),
        Err(TemplateError::TooDeep)
    );
}
