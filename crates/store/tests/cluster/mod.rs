//! A PostgreSQL server of the test run's own: a cluster in a temporary folder, over a Unix socket.
//!
//! A shell waits beside it for the end of the test process, however that comes, then ends the server
//! by its id and removes the folder.

#![allow(dead_code, reason = "each test uses the part of it that it needs")]

use std::ffi::OsStr;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Makes the cluster and starts its server; ends it at the end of its standard input. A line `crash`
/// there ends it before, as SIGQUIT does, and `start` starts it again. `$1` is the folder with the
/// programs, `$2` the cluster's; the rest are settings.
const KEEPER: &str = r#"
    programs=$1 folder=$2
    shift 2
    cd "$folder" || exit 1
    start() {
        "$programs/postgres" -D data -k "$folder" -c listen_addresses= -c max_connections=200 \
            "$@" </dev/null >>log 2>&1 &
        server=$!
    }
    "$programs/initdb" --pgdata=data --username=portvakt --auth=trust --encoding=UTF8 \
        --locale=C --no-sync >log 2>&1 </dev/null
    start "$@"
    while read -r word; do
        case $word in
            crash) kill -s QUIT "$server"; wait "$server" ;;
            start) start "$@" ;;
        esac
    done
    kill -s INT "$server" 2>/dev/null
    wait "$server"
    rm -rf "$folder"
"#;

/// A server.
pub(crate) struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    keeper: Child,
}

impl Cluster {
    /// Starts a server with one more setting, `--NAME=VALUE`.
    pub(crate) fn start(setting: &str) -> Self {
        Self::start_by(&[] as &[&str], &[setting])
    }

    /// Starts a server by another program, whose words come first: in a namespace, for instance.
    pub(crate) fn start_by(words: &[impl AsRef<OsStr>], settings: &[&str]) -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new()
            .prefix("portvakt-pg")
            .tempdir()
            .unwrap()
            .keep();
        let mut command = unprivileged(words, &folder);
        let keeper = command
            .args(["sh", "-c", KEEPER, "sh"])
            .args([&programs, &folder])
            .args(settings)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let cluster = Self {
            folder,
            programs,
            keeper,
        };
        cluster.wait(true);
        cluster
    }

    fn wait(&self, answers: bool) {
        let end = Instant::now() + Duration::from_secs(120);
        while self.answers() != answers {
            assert!(Instant::now() < end, "waited for {answers}: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn answers(&self) -> bool {
        let asked = Command::new(self.programs.join("pg_isready"))
            .arg("--host")
            .arg(&self.folder)
            .stdout(Stdio::null())
            .status();
        asked.unwrap().success()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The URL of a new database.
    pub(crate) fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("case{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        self.url("portvakt", &name)
    }

    /// A URL of this server.
    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        format!("postgres://{user}@{folder}/{database}")
    }

    /// Runs a statement; returns its output.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let output = Command::new(self.programs.join("psql"))
            .args([
                "--username=portvakt",
                "--no-psqlrc",
                "--tuples-only",
                "--no-align",
            ])
            .args([
                "--set=ON_ERROR_STOP=1",
                "--dbname",
                database,
                "--command",
                sql,
            ])
            .arg("--host")
            .arg(&self.folder)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {error}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A session that stays open.
    pub(crate) fn session(&self, database: &str) -> SqlSession {
        let child = Command::new(self.programs.join("psql"))
            .args(["--username=portvakt", "--no-psqlrc", "--quiet"])
            .args(["--set=ON_ERROR_STOP=1", "--dbname", database])
            .arg("--host")
            .arg(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        SqlSession(child)
    }

    /// The ids of the server's processes, the first of all first.
    fn processes(&self) -> Vec<u32> {
        let first = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let first: u32 = first.lines().next().unwrap().parse().unwrap();
        let others = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children"));
        let others = others.unwrap();
        let others = others.split_whitespace().map(|id| id.parse().unwrap());
        std::iter::once(first).chain(others).collect()
    }

    /// User and system time of the server's processes so far, those that ended too, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        // utime, stime, cutime and cstime, in hundredths of a second.
        let ticks = self.processes().into_iter().filter_map(|id| {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
            Some(
                fields
                    .map(|field| field.parse::<f64>().unwrap())
                    .sum::<f64>(),
            )
        });
        ticks.sum::<f64>() * 10_000.0
    }

    /// Stops all of the server's processes where they are: connections stay, and nothing answers.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    /// Has a server that was paused go on.
    pub(crate) fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        // The first makes the others: once it has stopped there come no new ones.
        for _ in 0..2 {
            let ids = self.processes();
            let ids = ids.iter().map(u32::to_string);
            // One that has ended meanwhile can't be signalled.
            let _ = Command::new("kill")
                .arg("-s")
                .arg(signal)
                .args(ids)
                .status();
        }
    }

    /// Ends the server at once, as a crash would.
    pub(crate) fn crash(&mut self) {
        self.tell("crash\n", false);
    }

    /// Starts it again.
    pub(crate) fn restart(&mut self) {
        self.tell("start\n", true);
    }

    fn tell(&mut self, line: &str, answers: bool) {
        let keeper = self.keeper.stdin.as_mut().unwrap();
        keeper.write_all(line.as_bytes()).unwrap();
        self.wait(answers);
    }
}

/// A session that stays open; its end rolls back.
pub(crate) struct SqlSession(Child);

impl SqlSession {
    /// Runs statements, and returns when they are done.
    pub(crate) fn run(&mut self, sql: &str) {
        let input = self.0.stdin.as_mut().unwrap();
        writeln!(input, "{sql}\n\\echo done").unwrap();
        let mut output = std::io::BufReader::new(self.0.stdout.as_mut().unwrap());
        let mut line = String::new();
        while line.trim() != "done" {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "{sql} failed");
        }
    }
}

impl Drop for SqlSession {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.folder.join("data/postmaster.pid").exists() {
            self.resume();
        }
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The folder of the server's programs, as Debian has it: the newest version that is here.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let programs = versions.map(|version| version.path().join("bin"));
    let programs = programs.filter(|path| path.join("initdb").exists()).max();
    programs.expect("PostgreSQL is missing: run tests/packages, or apt-get install postgresql")
}

/// A command by these words, as `postgres` where this is root: the server refuses to run as root.
fn unprivileged(words: &[impl AsRef<OsStr>], folder: &std::path::Path) -> Command {
    let mut command = Command::new("env");
    command.args(words);
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() != b"0" {
        return command;
    }
    let owned = Command::new("chown").arg("postgres").arg(folder).status();
    assert!(
        owned.unwrap().success(),
        "the user postgres is missing: run tests/packages"
    );
    command.args([
        "setpriv",
        "--reuid=postgres",
        "--regid=postgres",
        "--init-groups",
    ]);
    command
}
