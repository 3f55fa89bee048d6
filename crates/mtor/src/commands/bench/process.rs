//! CPU and memory of other processes, from /proc. On systems without it nothing is measured.

use std::fs;
use std::time::Duration;

/// The CPU time that these processes have used so far, all threads, user and system; `None` where it can't be known.
pub(super) fn cpu_of(pids: &[u32]) -> Option<Duration> {
    if pids.is_empty() {
        return None;
    }
    pids.iter().map(|pid| parse_cpu(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)).sum()
}

/// The resident memory of these processes, in bytes; `None` where it can't be known.
pub(super) fn rss_bytes_of(pids: &[u32]) -> Option<u64> {
    if pids.is_empty() {
        return None;
    }
    pids.iter().map(|pid| parse_rss(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)).sum()
}

/// Lets this process open as many files as the system allows: each connection is one.
pub(super) fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let maximum = getrlimit(Resource::Nofile).maximum;
        // Where it is refused, the run says so itself when it runs out of files.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// The fields of a line in /proc/PID/stat behind the name, which stands in brackets and may hold anything.
fn fields_after_name(stat: &str) -> Option<std::str::SplitWhitespace<'_>> {
    stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace())
}

fn parse_cpu(stat: &str) -> Option<Duration> {
    let mut fields = fields_after_name(stat)?.skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_secs(user + system) / ticks_per_second())
}

#[cfg(unix)]
fn ticks_per_second() -> u32 {
    u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100).max(1)
}

#[cfg(not(unix))]
fn ticks_per_second() -> u32 {
    100
}

fn parse_rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        let stat = "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 250 50 0 0 20 0 1 0 5 0";
        assert_eq!(parse_cpu(stat), Some(Duration::from_secs(300) / ticks_per_second()));
        assert_eq!(fields_after_name(stat).unwrap().nth(1), Some("1"));
        assert_eq!(parse_rss("Name: x\nVmRSS:\t     12 kB\n"), Some(12_288));
        assert_eq!(parse_cpu("broken"), None);
    }

    #[test]
    fn nothing_is_known_of_nobody() {
        assert_eq!((cpu_of(&[]), rss_bytes_of(&[])), (None, None));
    }
}
