//! A service that speaks as much of S3 as the store does, in this process, with faults on demand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// The access key that is let in.
pub const KEY: &str = "posthouse-key";

/// The bucket that is there.
pub const BUCKET: &str = "mail";

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "not every test program uses every fault")]
pub enum Fate {
    /// It is served.
    Served,
    /// It is carried out, but the answer is an error with this status.
    ServedInVain(u16),
    /// It is not carried out; the answer has this status.
    Refused(u16),
    /// Half of the answer comes, then the connection ends.
    Cut,
    /// Half of the content comes, as if it were all.
    Shortened,
}

type Rule = Box<dyn FnMut(&str, &str) -> Fate + Send>;

struct Object {
    bytes: Vec<u8>,
    written_s: u64,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    rule: Option<Rule>,
    requests: Vec<String>,
}

/// The service; it ends with the process.
#[derive(Clone)]
pub struct Service {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

#[allow(dead_code, reason = "not every test program asks for everything")]
impl Service {
    /// Starts one with an empty bucket.
    pub fn start() -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = Service { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = Arc::clone(&service.state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                thread::spawn(move || serve(&stream, &state));
            }
        });
        service
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on `rule` decides what becomes of a request, by its method and path with query.
    pub fn rule(&self, rule: impl FnMut(&str, &str) -> Fate + Send + 'static) {
        self.state().rule = Some(Box::new(rule));
    }

    /// All is well again.
    pub fn heal(&self) {
        self.state().rule = None;
    }

    /// The keys of all objects.
    pub fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    /// What was asked for since the last call, as `METHOD /path?query`.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state().requests)
    }

    /// Uploads in parts that were neither ended nor given up.
    pub fn open_uploads(&self) -> usize {
        self.state().uploads.len()
    }

    /// Puts an object there, past the client, as old as it is said.
    pub fn plant(&self, key: &str, bytes: &[u8], age_s: u64) {
        let object = Object { bytes: bytes.to_vec(), written_s: now_s() - age_s };
        self.state().objects.insert(key.to_owned(), object);
    }

    /// Changes the bytes of an object.
    pub fn damage(&self, key: &str, how: impl FnOnce(&mut Vec<u8>)) {
        how(&mut self.state().objects.get_mut(key).unwrap().bytes);
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    while let Some((request, line)) = read(&mut reader) {
        let mut state = state.lock().unwrap();
        state.requests.push(line.clone());
        let fate = match &mut state.rule {
            Some(rule) => rule(&request.method, line.split_once(' ').unwrap().1),
            None => Fate::Served,
        };
        let mut answer = match fate {
            Fate::Refused(status) => error(status, "Refused"),
            Fate::ServedInVain(status) => {
                answer(&mut state, &request);
                error(status, "InternalError")
            }
            _ => answer(&mut state, &request),
        };
        drop(state);
        if fate == Fate::Shortened {
            answer.body.truncate(answer.body.len() / 2);
        }
        let len = match request.method.as_str() {
            "HEAD" => None,
            _ => Some(answer.body.len()),
        };
        let length = len.map(|len| format!("Content-Length: {len}\r\n")).unwrap_or_default();
        let mut wire = format!("HTTP/1.1 {} X\r\n{}{length}\r\n", answer.status, answer.headers).into_bytes();
        if len.is_some() {
            wire.extend(&answer.body);
        }
        if fate == Fate::Cut {
            wire.truncate(wire.len() / 2);
        }
        if (&*stream).write_all(&wire).is_err() || fate == Fate::Cut {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<(Request, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length").map_or(0, |len| len.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    });
    let line = format!("{method} {target}");
    let (key, query) = (decoded(path.trim_start_matches('/')), query.collect());
    Some((Request { method, key, query, headers, body }, line))
}

fn decoded(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap()
}

fn error(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>As the test wants it.</Message></Error>");
    Answer { status, headers: String::new(), body: body.into_bytes() }
}

fn ok(headers: String, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status: 200, headers, body: body.into() }
}

fn answer(state: &mut State, request: &Request) -> Answer {
    let is_known = request.headers.get("authorization").is_some_and(|text| text.contains(KEY));
    if !is_known {
        return error(403, "InvalidAccessKeyId");
    }
    let Some((bucket, key)) = request.key.split_once('/').or(Some((&request.key, ""))) else {
        return error(400, "InvalidRequest");
    };
    if bucket != BUCKET {
        return error(404, "NoSuchBucket");
    }
    let part = |name: &str| request.query.get(name).cloned();
    match (request.method.as_str(), part("uploadId"), part("partNumber")) {
        ("GET", ..) if key.is_empty() => list(state, &part("prefix").unwrap_or_default()),
        ("GET" | "HEAD", ..) => get(state, request, key),
        ("POST", None, _) => {
            let id = format!("u{}", state.requests.len());
            state.uploads.insert(id.clone(), BTreeMap::new());
            ok(String::new(), format!("<R><Bucket>b</Bucket><Key>k</Key><UploadId>{id}</UploadId></R>"))
        }
        ("PUT", Some(id), Some(number)) => match state.uploads.get_mut(&id) {
            Some(parts) => {
                parts.insert(number.parse().unwrap(), request.body.clone());
                ok("ETag: \"part\"\r\n".to_owned(), "")
            }
            None => error(404, "NoSuchUpload"),
        },
        ("POST", Some(id), _) => match state.uploads.remove(&id) {
            Some(parts) => {
                let bytes = parts.into_values().flatten().collect();
                state.objects.insert(key.to_owned(), Object { bytes, written_s: now_s() });
                ok(String::new(), "<R><ETag>\"whole\"</ETag></R>")
            }
            None => error(404, "NoSuchUpload"),
        },
        ("DELETE", Some(id), _) => {
            state.uploads.remove(&id);
            Answer { status: 204, headers: String::new(), body: Vec::new() }
        }
        ("PUT", ..) => {
            let object = Object { bytes: request.body.clone(), written_s: now_s() };
            state.objects.insert(key.to_owned(), object);
            ok("ETag: \"whole\"\r\n".to_owned(), "")
        }
        ("DELETE", ..) => {
            state.objects.remove(key);
            Answer { status: 204, headers: String::new(), body: Vec::new() }
        }
        _ => error(400, "InvalidRequest"),
    }
}

fn get(state: &State, request: &Request, key: &str) -> Answer {
    let Some(object) = state.objects.get(key) else { return error(404, "NoSuchKey") };
    let len = object.bytes.len();
    let mut headers = format!("ETag: \"whole\"\r\nLast-Modified: {}\r\n", time_text(object.written_s, false));
    if request.method == "HEAD" {
        write!(headers, "Content-Length: {len}\r\n").unwrap();
        return ok(headers, "");
    }
    let range = request.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
    let Some((from, to)) = range.and_then(|range| range.split_once('-')) else {
        return ok(headers, object.bytes.clone());
    };
    let from: usize = from.parse().unwrap();
    let to = to.parse::<usize>().map_or(len, |to| (to + 1).min(len));
    if from >= len {
        return error(416, "InvalidRange");
    }
    write!(headers, "Content-Range: bytes {from}-{}/{len}\r\n", to - 1).unwrap();
    Answer { status: 206, headers, body: object.bytes[from..to].to_vec() }
}

fn list(state: &State, prefix: &str) -> Answer {
    let mut out = String::from("<ListBucketResult><IsTruncated>false</IsTruncated>");
    for (key, object) in state.objects.iter().filter(|(key, _)| key.starts_with(prefix)) {
        let (time, len) = (time_text(object.written_s, true), object.bytes.len());
        write!(
            out,
            "<Contents><Key>{key}</Key><LastModified>{time}</LastModified><ETag>\"whole\"</ETag><Size>{len}</Size></Contents>"
        )
        .unwrap();
    }
    out.push_str("</ListBucketResult>");
    ok("Content-Type: application/xml\r\n".to_owned(), out)
}

/// A moment as lists have it, or as the headers of HTTP have it.
fn time_text(unix_s: u64, is_for_list: bool) -> String {
    let (days, second) = (unix_s / 86_400, unix_s % 86_400);
    let (mut year, mut day) = (1970, days);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let months = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= months[month] {
        day -= months[month];
        month += 1;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    if is_for_list {
        return format!("{year}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.000Z", month + 1, day + 1);
    }
    let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][usize::try_from(days % 7).unwrap()];
    let name = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month];
    format!("{weekday}, {:02} {name} {year} {hour:02}:{minute:02}:{second:02} GMT", day + 1)
}
