//! How often one address may ask: a token bucket for each, refilled with time, holding at most a second's worth.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Addresses that are remembered at once. When there are more, those whose bucket is full are forgotten, which changes
/// nothing for them.
const ADDRESSES_MAX: usize = 10_000;

/// A bucket for each address.
#[derive(Debug)]
pub struct RateLimiter {
    per_s: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl RateLimiter {
    /// At most so many requests in a second, on average.
    pub fn new(per_s: u32) -> Self {
        Self { per_s: f64::from(per_s.max(1)), buckets: Mutex::default() }
    }

    /// Whether this address may ask now.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.admits_at(address, Instant::now())
    }

    fn admits_at(&self, address: IpAddr, now: Instant) -> bool {
        // The buckets are whole whatever panicked elsewhere.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = |bucket: &Bucket| {
            let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_s;
            (bucket.tokens + gained).min(self.per_s)
        };
        if buckets.len() >= ADDRESSES_MAX && !buckets.contains_key(&address) {
            buckets.retain(|_, bucket| refilled(bucket) < self.per_s);
            if buckets.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let bucket = buckets.entry(address).or_insert(Bucket { tokens: self.per_s, at: now });
        bucket.tokens = refilled(bucket);
        bucket.at = now;
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    #[test]
    fn each_address_has_a_second_s_worth_and_gains_with_time() {
        let limiter = RateLimiter::new(3);
        let start = Instant::now();
        let [one, other] = [1, 2].map(|last| IpAddr::from(Ipv4Addr::new(127, 0, 0, last)));
        let asked = (0..5).filter(|_| limiter.admits_at(one, start)).count();
        assert_eq!(asked, 3);
        assert!(limiter.admits_at(other, start), "one address does not use up another's");
        assert!(limiter.admits_at(one, start + Duration::from_millis(400)));
        assert!(!limiter.admits_at(one, start + Duration::from_millis(400)));
    }
}
