//! How many connections there may be, in all and per address. A [`Pass`] is one connection's place, from accept to its
//! last byte, whether it stays HTTP or becomes a WebSocket.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

/// The caps.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Connections of this node. Default 100,000; keep it below the limit of open files.
    pub node: usize,
    /// Connections of one address (IPv6: one /64). Default 1,000: many offices and phone networks share one address.
    pub address: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { node: 100_000, address: 1_000 }
    }
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// The node is full.
    #[error("the node has all the connections it may have")]
    Node,
    /// This address has all it may have.
    #[error("this address has all the connections it may have")]
    Address,
}

/// Counts connections.
#[derive(Debug)]
pub struct Gate {
    caps: Caps,
    counts: Mutex<Counts>,
    total: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<Household, usize>,
}

/// One connection's place; dropping it gives the place back.
#[derive(Debug)]
pub struct Pass {
    gate: Arc<Gate>,
    address: Option<Household>,
}

impl Gate {
    /// A gate with these caps and nobody inside.
    #[must_use]
    pub fn new(caps: Caps) -> Arc<Self> {
        Arc::new(Self { caps, counts: Mutex::default(), total: watch::Sender::new(0) })
    }

    /// Takes a place. Without an address (a trusted proxy, whose address stands for many people) only the node's cap
    /// counts.
    ///
    /// # Errors
    /// [`Full`] if a cap is reached.
    pub fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Pass, Full> {
        let address = address.map(Household::from);
        let mut counts = self.counts.lock();
        if counts.total >= self.caps.node {
            return Err(Full::Node);
        }
        if let Some(address) = address {
            let count = counts.by_address.entry(address).or_default();
            if *count >= self.caps.address {
                return Err(Full::Address);
            }
            *count += 1;
        }
        counts.total += 1;
        self.total.send_replace(counts.total);
        Ok(Pass { gate: Arc::clone(self), address })
    }

    /// Connections at this moment.
    #[must_use]
    pub fn count(&self) -> usize {
        self.counts.lock().total
    }

    /// Waits until nobody is inside.
    pub async fn empty(&self) {
        let mut total = self.total.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = total.wait_for(|total| *total == 0).await;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = self.gate.counts.lock();
        counts.total -= 1;
        if let Some(address) = self.address
            && let Some(count) = counts.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&address);
            }
        }
        self.gate.total.send_replace(counts.total);
    }
}

/// The part of an address that belongs to one customer, and what is counted where something is limited by address: an IPv6
/// customer has at least a /64 and could use a fresh address each time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Household(IpAddr);

impl From<IpAddr> for Household {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let gate = Gate::new(Caps { node: 3, address: 2 });
        let first = gate.enter(address("192.0.2.1")).unwrap();
        let _second = gate.enter(address("::ffff:192.0.2.1")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.1")).unwrap_err(), Full::Address);
        let _third = gate.enter(address("192.0.2.2")).unwrap();
        assert_eq!(gate.enter(address("192.0.2.3")).unwrap_err(), Full::Node);
        drop(first);
        assert_eq!(gate.count(), 2);
        let _fourth = gate.enter(address("192.0.2.1")).unwrap();
    }

    #[test]
    fn a_64_network_is_one_address() {
        let gate = Gate::new(Caps { node: 9, address: 1 });
        let _pass = gate.enter(address("2001:db8:1:2::1")).unwrap();
        assert_eq!(gate.enter(address("2001:db8:1:2:ffff::9")).unwrap_err(), Full::Address);
        let _other = gate.enter(address("2001:db8:1:3::1")).unwrap();
    }

    #[test]
    fn a_proxy_counts_for_the_node_only() {
        let gate = Gate::new(Caps { node: 2, address: 0 });
        let pass = gate.enter(None).unwrap();
        let _second = gate.enter(None).unwrap();
        assert_eq!(gate.enter(None).unwrap_err(), Full::Node);
        drop(pass);
        assert!(gate.counts.lock().by_address.is_empty());
    }
}
