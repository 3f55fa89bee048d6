//! Sizes as a person reads them: decimal units, as downloads are usually stated.

/// `491 MB`, `1.1 GB`, `12 kB`, `7 bytes`.
#[must_use]
pub fn human_bytes(bytes: u64) -> String {
    let (scale, unit) = unit_of(bytes);
    format!("{} {unit}", in_unit(bytes, scale))
}

/// `120 of 491 MB`: both in the unit of the whole.
#[must_use]
pub fn human_of(part_bytes: u64, whole_bytes: u64) -> String {
    let (scale, unit) = unit_of(whole_bytes);
    format!("{} of {} {unit}", in_unit(part_bytes, scale), in_unit(whole_bytes, scale))
}

fn unit_of(bytes: u64) -> (u64, &'static str) {
    match bytes {
        1_000_000_000.. => (1_000_000_000, "GB"),
        1_000_000.. => (1_000_000, "MB"),
        1_000.. => (1_000, "kB"),
        _ => (1, "bytes"),
    }
}

fn in_unit(bytes: u64, scale: u64) -> String {
    if scale < 1_000_000_000 {
        return (bytes / scale).to_string();
    }
    format!("{}.{}", bytes / scale, bytes % scale / (scale / 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!(human_bytes(7), "7 bytes");
        assert_eq!(human_bytes(491_400_064), "491 MB");
        assert_eq!(human_bytes(1_117_320_768), "1.1 GB");
        assert_eq!(human_of(120_000_000, 491_400_064), "120 of 491 MB");
        assert_eq!(human_of(300_000_000, 1_117_320_768), "0.3 of 1.1 GB");
    }
}
