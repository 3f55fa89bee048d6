//! How many threads to compute with: one per physical core that this process may use.
//!
//! Two threads on one core's two halves share its arithmetic units, which the engine keeps busy on its own.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// Physical cores, at most the processors that this process may run on; at least one.
pub fn physical_cores() -> usize {
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    cores_listed_in(Path::new("/sys/devices/system/cpu")).map_or(allowed, |cores| cores.clamp(1, allowed))
}

/// Distinct cores in a folder laid out as Linux describes processors. `None` where nothing is said.
fn cores_listed_in(folder: &Path) -> Option<usize> {
    let mut cores = HashSet::new();
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let topology = entry.path().join("topology");
        let read = |name: &str| fs::read_to_string(topology.join(name)).ok();
        if let (Some(package), Some(core)) = (read("physical_package_id"), read("core_id")) {
            cores.insert((package, core));
        }
    }
    (!cores.is_empty()).then_some(cores.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_threads_of_a_core_count_once() {
        let folder = tempfile::tempdir().unwrap();
        for (cpu, core) in [("cpu0", "0"), ("cpu1", "1"), ("cpu2", "0"), ("cpu3", "1")] {
            let topology = folder.path().join(cpu).join("topology");
            fs::create_dir_all(&topology).unwrap();
            fs::write(topology.join("physical_package_id"), "0\n").unwrap();
            fs::write(topology.join("core_id"), core).unwrap();
        }
        fs::create_dir(folder.path().join("cpufreq")).unwrap();
        assert_eq!(cores_listed_in(folder.path()), Some(2));
    }

    #[test]
    fn a_system_that_says_nothing_gives_no_number() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(cores_listed_in(folder.path()), None);
        assert_eq!(cores_listed_in(&folder.path().join("absent")), None);
    }
}
