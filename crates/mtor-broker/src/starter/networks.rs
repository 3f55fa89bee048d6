//! How many wallets of one network have got starter coins today: each doubling makes it harder for the next.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mtor_protocol::Timestamp;

use crate::defaults::STARTER_NETWORKS_MAX;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// The part of an address that one customer of a provider has at least.
const NETWORK_V4: u32 = u32::MAX << 8;
const NETWORK_V6: u128 = u128::MAX << (128 - 56);

/// Claims of one day (UTC), by network.
#[derive(Debug, Default)]
pub(super) struct Networks {
    day: u64,
    claims: HashMap<IpAddr, u32>,
    /// Those of all networks together that found no place in the table.
    others: u32,
}

impl Networks {
    /// One bit more for the first wallet of this network today, and another for each doubling of them.
    pub(super) fn bits(&mut self, now: Timestamp, address: IpAddr) -> u8 {
        let claims = *self.claims(now, address);
        u8::try_from(u32::BITS - claims.leading_zeros()).unwrap_or(u8::MAX)
    }

    pub(super) fn note(&mut self, now: Timestamp, address: IpAddr) {
        let network = network(address);
        let day = now.0 / DAY_MS;
        self.begin(day);
        let known = self.claims.len() < STARTER_NETWORKS_MAX || self.claims.contains_key(&network);
        let count = if known { self.claims.entry(network).or_default() } else { &mut self.others };
        *count = count.saturating_add(1);
    }

    fn claims(&mut self, now: Timestamp, address: IpAddr) -> &u32 {
        self.begin(now.0 / DAY_MS);
        let full = self.claims.len() >= STARTER_NETWORKS_MAX;
        self.claims.get(&network(address)).unwrap_or(if full { &self.others } else { &0 })
    }

    /// A new day forgets everything; a clock that goes back does not.
    fn begin(&mut self, day: u64) {
        if day > self.day {
            *self = Self { day, ..Self::default() };
        }
    }
}

/// The network of an address: its /24, for IPv6 its /56.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & NETWORK_V4).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK_V6).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(5 * DAY_MS);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_doubling_costs_a_bit_until_the_next_day() {
        let mut networks = Networks::default();
        let mut bits = Vec::new();
        for last in 0..9 {
            bits.push(networks.bits(NOW, address("192.0.2.250")));
            networks.note(NOW, address(&format!("192.0.2.{last}")));
        }
        assert_eq!(bits, [0, 1, 2, 2, 3, 3, 3, 3, 4]);
        assert_eq!(networks.bits(NOW, address("192.0.3.1")), 0, "another network");
        assert_eq!(networks.bits(NOW, address("::ffff:192.0.2.1")), 4, "the same, written otherwise");
        assert_eq!(networks.bits(NOW.plus_ms(DAY_MS), address("192.0.2.1")), 0);
        assert_eq!(networks.bits(NOW, address("192.0.2.1")), 0, "a day that is over does not come back");
    }

    #[test]
    fn a_customer_has_one_network_of_ipv6() {
        let mut networks = Networks::default();
        networks.note(NOW, address("2001:db8:0:1200::1"));
        assert_eq!(networks.bits(NOW, address("2001:db8:0:12ff:9::")), 1);
        assert_eq!(networks.bits(NOW, address("2001:db8:0:1300::1")), 0);
    }

    #[test]
    fn the_table_is_bounded_and_those_without_a_place_share_one() {
        let mut networks = Networks::default();
        let of = |number: usize| address(&format!("10.{}.{}.1", number / 256, number % 256));
        (0..STARTER_NETWORKS_MAX).for_each(|number| networks.note(NOW, of(number)));
        assert_eq!(networks.bits(NOW, of(STARTER_NETWORKS_MAX)), 0);
        networks.note(NOW, of(STARTER_NETWORKS_MAX));
        assert_eq!(networks.bits(NOW, of(STARTER_NETWORKS_MAX + 1)), 1);
        assert_eq!(networks.claims.len(), STARTER_NETWORKS_MAX);
        assert_eq!(networks.bits(NOW, of(0)), 1);
    }
}
