//! The real program, running.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::process::{Child, ChildStdout, ExitStatus, Stdio};

use clap::Parser as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portvakt::admin::{Client, Request, Response};
use portvakt_load::Options;
use serde_json::Value;

use super::{PATIENCE, SECRET, Setup, eventually};

/// A server that runs until it is dropped.
pub struct Daemon {
    setup: Setup,
    running: Option<Running>,
}

struct Running {
    child: Child,
    /// Lines of its standard output.
    said: Lines<BufReader<ChildStdout>>,
    addresses: Vec<SocketAddr>,
    accounting: Option<SocketAddr>,
    metrics: SocketAddr,
}

impl Deref for Daemon {
    type Target = Setup;
    fn deref(&self) -> &Setup {
        &self.setup
    }
}

impl DerefMut for Daemon {
    fn deref_mut(&mut self) -> &mut Setup {
        &mut self.setup
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.kill();
        }
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.log());
        }
    }
}

impl Daemon {
    pub fn start(setup: Setup) -> Self {
        let mut daemon = Self {
            setup,
            running: None,
        };
        daemon.run();
        daemon
    }

    fn run(&mut self) {
        let mut log = File::options();
        let log = log.append(true).create(true).open(self.path("stderr.log"));
        let mut command = self.setup.server_command();
        command.arg("serve").arg("--config").arg(self.config());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        self.running = Some(Running {
            child,
            said,
            addresses: Vec::new(),
            accounting: None,
            metrics: ([127, 0, 0, 1], 0).into(),
        });
        self.read_addresses();
    }

    /// The server says where it listens once it does, metrics last.
    fn read_addresses(&mut self) {
        let running = self.running.as_mut().unwrap();
        running.addresses.clear();
        for line in running.said.by_ref().map_while(Result::ok) {
            if let Some(address) = address_after(&line, "listening on ") {
                match line.contains("(RADIUS accounting") {
                    true => running.accounting = Some(address),
                    false => running.addresses.push(address),
                }
            }
            if let Some(address) = address_after(&line, "metrics on http://") {
                running.metrics = address;
                return;
            }
        }
        panic!("the server did not start:\n{}", self.log());
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the server runs")
    }

    /// The RADIUS address.
    pub fn address(&self) -> SocketAddr {
        self.running().addresses[0]
    }

    /// All addresses where RADIUS is served.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.running().addresses
    }

    /// The address where accounting is taken.
    pub fn accounting_address(&self) -> SocketAddr {
        self.running().accounting.expect("accounting is on")
    }

    /// Runs `portvakt-load` with these options against this server and returns its report, as JSON.
    pub fn load(&self, options: &[&str]) -> Value {
        let server = self.address().to_string();
        let program = ["portvakt-load", &server, "--secret", SECRET];
        let options = Options::try_parse_from([&program[..], options].concat()).unwrap();
        let report = options.run(|_, _, _| ()).unwrap();
        options.write_files(&report).unwrap();
        serde_json::to_value(&report).unwrap()
    }

    /// The address of the metrics and health pages.
    pub fn metrics_address(&self) -> SocketAddr {
        self.running().metrics
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.running().child.id()
    }

    /// Resident memory of the process, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }

    /// All that the server has written to standard error, over all its starts.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("stderr.log")).unwrap_or_default()
    }

    /// Waits until the server has said this.
    pub fn wait_for_log(&self, words: &str) {
        let said = eventually(|| self.log().contains(words).then_some(()));
        assert!(said.is_some(), "never said {words:?}:\n{}", self.log());
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    /// SIGHUP. Wait for the log to say what came of it.
    pub fn hang_up(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// SIGHUP, and waits until the new configuration is in place or refused; `true` if in place.
    pub fn reload(&self) -> bool {
        let outcomes = || {
            let log = self.log();
            let count = |words: &str| log.matches(words).count();
            (
                count("the new configuration is in place"),
                count("the new configuration is refused"),
            )
        };
        let before = outcomes();
        self.hang_up();
        let changed = || Some(outcomes()).filter(|now| *now != before);
        let after = eventually(changed).expect("an answer to SIGHUP");
        after.0 > before.0
    }

    /// SIGUSR2, without waiting.
    pub fn ask_to_take_over(&self) {
        self.signal(Signal::SIGUSR2);
    }

    /// SIGUSR2, and waits until the program that it executes anew serves.
    pub fn take_over(&mut self) {
        self.ask_to_take_over();
        self.read_addresses();
    }

    /// SIGTERM, without waiting.
    pub fn ask_to_end(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let running = self.running.as_mut().expect("the server runs");
        let status = eventually(|| running.child.try_wait().unwrap());
        let status = status.expect("the server ends");
        self.running = None;
        status
    }

    /// SIGTERM, and waits for the end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.ask_to_end();
        self.wait()
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) {
        let mut running = self.running.take().expect("the server runs");
        let _ = running.child.kill();
        let _ = running.child.wait();
    }

    /// Starts it again, after [`kill`](Self::kill) or [`terminate`](Self::terminate) or, if it
    /// still runs, after ending it; ports are new ones.
    pub fn restart(&mut self) {
        if self.running.is_some() {
            self.terminate();
        }
        self.run();
    }

    /// Every line of the audit log so far, oldest first.
    pub fn audit_lines(&self) -> Vec<Value> {
        // While it runs, lines wait in memory; when it has ended they are all there.
        if let Ok(mut client) = Client::connect(&self.path("data/control.sock")) {
            let flushed = client.request(&Request::Flush, &mut std::io::empty(), |_| {});
            assert!(matches!(flushed, Ok(Response::Flushed)), "{flushed:?}");
        }
        self.audit_lines_so_far()
    }

    fn audit_lines_so_far(&self) -> Vec<Value> {
        let folder = fs::read_dir(self.path("data/audit")).into_iter().flatten();
        let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let text: String = files
            .iter()
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        // The last line may be half written.
        let lines = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Waits for so many lines that `select` takes, and returns those there are.
    pub fn wait_for_audit(&self, count: usize, select: impl Fn(&Value) -> bool) -> Vec<Value> {
        let selected = || -> Vec<_> {
            let lines = self.audit_lines_so_far().into_iter();
            lines.filter(|line| select(line)).collect()
        };
        let enough = eventually(|| Some(selected()).filter(|lines| lines.len() >= count));
        enough.unwrap_or_else(|| panic!("no such lines among {:#?}", self.audit_lines()))
    }

    /// The last attempt of the log once there are `count` of them.
    pub fn attempt(&self, count: usize) -> Value {
        let is_attempt = |line: &Value| line["event"] == "attempt";
        self.wait_for_audit(count, is_attempt).pop().unwrap()
    }

    /// The metrics page.
    pub fn metrics(&self) -> String {
        let (status, body) = self.http("/metrics");
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The value of one sample, written as the page writes it, labels and all.
    pub fn metric(&self, sample: &str) -> f64 {
        let page = self.metrics();
        let value = page.lines().find_map(|line| {
            let value = line.strip_prefix(sample)?.strip_prefix(' ')?;
            value.parse().ok()
        });
        value.unwrap_or_else(|| panic!("no {sample} in:\n{page}"))
    }

    /// Status and body of the health page.
    pub fn health(&self) -> (u16, String) {
        self.http("/health")
    }

    fn http(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.running().metrics).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap();
        (status.parse().unwrap(), body.to_owned())
    }
}

fn address_after(line: &str, words: &str) -> Option<SocketAddr> {
    let rest = line.strip_prefix(words)?;
    let end = rest.find([' ', '/']).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
