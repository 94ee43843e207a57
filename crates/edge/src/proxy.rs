//! Who the client really is when proxies stand in front.
//!
//! A header about the client is a claim. It is read only when the TCP connection comes from an address on the list, and
//! from the right: each trusted proxy vouches for the entry to the left of its own, and the first address that is not on
//! the list is the client. What a client wrote itself stands further left and is never reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use http::header::{self, HeaderMap, HeaderName};

/// A block of addresses, such as `10.0.0.0/8`, `::1` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// IPv4 is kept as its IPv6-mapped form, so that one comparison serves both.
    network: u128,
    prefix_bits: u32,
}

/// A text that is not a block of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address or a block like 10.0.0.0/8")]
pub struct BadCidr(pub String);

impl FromStr for Cidr {
    type Err = BadCidr;

    fn from_str(text: &str) -> Result<Self, BadCidr> {
        let bad = || BadCidr(text.to_owned());
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let own_bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Ok(own_bits), str::parse).map_err(|_| bad())?;
        if prefix_bits > own_bits {
            return Err(bad());
        }
        let prefix_bits = prefix_bits + 128 - own_bits;
        Ok(Self { network: bits(address) & mask(prefix_bits), prefix_bits })
    }
}

impl Cidr {
    /// Whether the address is in the block.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        bits(address) & mask(self.prefix_bits) == self.network
    }

    /// Whether it is wider than the widest private networks, 10.0.0.0/8 and fc00::/7: whoever trusts it trusts the public.
    #[must_use]
    pub fn holds_the_public(&self) -> bool {
        const IPV4_BITS: u32 = 96;
        let is_of_ipv4 = mask(IPV4_BITS) & self.network == bits(Ipv4Addr::UNSPECIFIED.into());
        let holds_ipv4 = self.prefix_bits < IPV4_BITS && self.contains(Ipv4Addr::UNSPECIFIED.into());
        holds_ipv4 || self.prefix_bits < if is_of_ipv4 { IPV4_BITS + 8 } else { 7 }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => Ipv6Addr::to_bits(address),
    }
}

fn mask(prefix_bits: u32) -> u128 {
    u128::MAX.checked_shl(128 - prefix_bits).unwrap_or(0)
}

/// Which header the proxies write. Only one is read: a proxy that writes one of them passes the other on from the client
/// unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto` and `X-Forwarded-Host`: nginx, Caddy, Traefik, HAProxy.
    #[default]
    XForwardedFor,
    /// `Forwarded` of RFC 7239.
    Forwarded,
}

/// The proxies that are believed. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Their addresses.
    pub blocks: Vec<Cidr>,
    /// What they write.
    pub header: ForwardedHeader,
}

/// The client of a request, as far as trusted proxies tell; a request extension when
/// [`WithClient`](crate::base_path::WithClient) is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub address: IpAddr,
    /// Whether it came with https.
    pub is_https: bool,
    /// The host it asked for, with the port if it gave one.
    pub host: Option<String>,
}

/// One entry of a forwarding header.
#[derive(Default)]
struct Hop<'a> {
    address: Option<IpAddr>,
    proto: Option<&'a str>,
    host: Option<&'a str>,
}

impl TrustedProxies {
    /// Parses the blocks of a configuration.
    ///
    /// # Errors
    /// Names the first entry that is not a block.
    pub fn parse<'a>(
        blocks: impl IntoIterator<Item = &'a str>,
        header: ForwardedHeader,
    ) -> Result<Self, BadCidr> {
        Ok(Self { blocks: blocks.into_iter().map(Cidr::from_str).collect::<Result<_, _>>()?, header })
    }

    /// Whether this address is one of the proxies.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.blocks.iter().any(|block| block.contains(address))
    }

    /// The client behind `peer`.
    #[must_use]
    pub fn client(&self, peer: IpAddr, is_tls: bool, headers: &HeaderMap) -> Client {
        let own_host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let mut client =
            Client { address: peer.to_canonical(), is_https: is_tls, host: own_host.map(str::to_owned) };
        if !self.contains(peer) {
            return client;
        }
        let hops = match self.header {
            ForwardedHeader::XForwardedFor => x_forwarded(headers),
            ForwardedHeader::Forwarded => forwarded(headers),
        };
        for hop in hops.iter().rev() {
            if let Some(proto) = hop.proto {
                client.is_https = proto.eq_ignore_ascii_case("https") || proto.eq_ignore_ascii_case("wss");
            }
            if let Some(host) = hop.host {
                client.host = Some(host.to_owned());
            }
            // An entry without a readable address ("unknown") ends the chain: the proxy that wrote it is all we know.
            let Some(address) = hop.address else { break };
            client.address = address;
            if !self.contains(address) {
                break;
            }
        }
        client
    }
}

/// `X-Forwarded-For` has one entry per hop; the other two are usually written once, by the proxy next to us, and count
/// for the last hop.
fn x_forwarded(headers: &HeaderMap) -> Vec<Hop<'_>> {
    let mut hops: Vec<_> = entries(headers, "x-forwarded-for", ',')
        .map(|entry| Hop { address: address(entry), ..Hop::default() })
        .collect();
    if hops.is_empty() {
        hops.push(Hop::default());
    }
    if let Some(nearest) = hops.last_mut() {
        nearest.proto = entries(headers, "x-forwarded-proto", ',').last();
        nearest.host = entries(headers, "x-forwarded-host", ',').last();
    }
    hops
}

fn forwarded(headers: &HeaderMap) -> Vec<Hop<'_>> {
    entries(headers, "forwarded", ',')
        .map(|element| {
            let mut hop = Hop::default();
            for (name, value) in element.split(';').filter_map(|pair| pair.split_once('=')) {
                let value = value.trim().trim_matches('"');
                match name.trim() {
                    name if name.eq_ignore_ascii_case("for") => hop.address = address(value),
                    name if name.eq_ignore_ascii_case("proto") => hop.proto = Some(value),
                    name if name.eq_ignore_ascii_case("host") => hop.host = Some(value),
                    _ => {}
                }
            }
            hop
        })
        .collect()
}

fn entries<'a>(headers: &'a HeaderMap, name: &'static str, separator: char) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(HeaderName::from_static(name))
        .iter()
        // A value that is not text still is a hop; an empty one reads as "no address".
        .map(|value| value.to_str().unwrap_or(""))
        .flat_map(move |value| value.split(separator))
        .map(str::trim)
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(header: ForwardedHeader, peer: &str, headers: &[(&'static str, &'static str)]) -> String {
        let proxies = TrustedProxies::parse(["10.0.0.0/8", "::1", "2001:db8:f::/48"], header).unwrap();
        let mut map = HeaderMap::new();
        map.insert(header::HOST, HeaderValue::from_static("inner:8190"));
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        let client = proxies.client(peer.parse().unwrap(), false, &map);
        let scheme = if client.is_https { "https" } else { "http" };
        format!("{} {scheme}://{}", client.address, client.host.unwrap_or_default())
    }

    #[test]
    fn no_block_may_hold_the_public() {
        let holds = |block: &str| block.parse::<Cidr>().unwrap().holds_the_public();
        for wide in [
            "0.0.0.0/0",
            "0.0.0.0/00",
            "128.0.0.0/1",
            "10.0.0.0/7",
            "::/0",
            "::ffff:0.0.0.0/96",
            "::/8",
            "2000::/3",
        ] {
            assert!(holds(wide), "{wide}");
        }
        for narrow in
            ["10.0.0.0/8", "127.0.0.1", "::ffff:10.0.0.0/104", "fc00::/7", "fd00::/8", "::1", "2001:db8::/32"]
        {
            assert!(!holds(narrow), "{narrow}");
        }
    }

    #[test]
    fn the_right_most_untrusted_address_is_the_client() {
        let x = |peer, value| client(ForwardedHeader::XForwardedFor, peer, &[("x-forwarded-for", value)]);
        assert_eq!(x("10.0.0.1", "192.0.2.7"), "192.0.2.7 http://inner:8190");
        assert_eq!(x("10.0.0.1", "6.6.6.6, 192.0.2.7"), "192.0.2.7 http://inner:8190");
        assert_eq!(x("10.0.0.1", "6.6.6.6, 192.0.2.7, 10.9.9.9"), "192.0.2.7 http://inner:8190");
        assert_eq!(x("10.0.0.1", "10.2.2.2, 10.9.9.9"), "10.2.2.2 http://inner:8190");
        assert_eq!(x("10.0.0.1", "6.6.6.6, unknown, 10.9.9.9"), "10.9.9.9 http://inner:8190");
        assert_eq!(x("10.0.0.1", ""), "10.0.0.1 http://inner:8190");
        assert_eq!(x("::ffff:10.0.0.1", "192.0.2.7:4711"), "192.0.2.7 http://inner:8190");
        assert_eq!(x("::1", "[2001:db8::7]:4711"), "2001:db8::7 http://inner:8190");
        assert_eq!(x("::1", "2001:db8::7"), "2001:db8::7 http://inner:8190");
    }

    #[test]
    fn several_header_lines_are_one_list() {
        let headers = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(
            client(ForwardedHeader::XForwardedFor, "10.0.0.1", &headers),
            "192.0.2.7 http://inner:8190"
        );
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let lies = [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "bank.example"),
            ("forwarded", "for=6.6.6.6;proto=https;host=bank.example"),
        ];
        for header in [ForwardedHeader::XForwardedFor, ForwardedHeader::Forwarded] {
            assert_eq!(client(header, "192.0.2.9", &lies), "192.0.2.9 http://inner:8190");
        }
    }

    #[test]
    fn the_header_that_the_proxy_does_not_write_is_not_read() {
        let lies = [("forwarded", "for=6.6.6.6;proto=https"), ("x-forwarded-for", "192.0.2.7")];
        assert_eq!(client(ForwardedHeader::XForwardedFor, "10.0.0.1", &lies), "192.0.2.7 http://inner:8190");
        let lies = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-proto", "https")];
        assert_eq!(client(ForwardedHeader::Forwarded, "10.0.0.1", &lies), "10.0.0.1 http://inner:8190");
    }

    #[test]
    fn scheme_and_host_come_from_the_nearest_proxy() {
        let headers = [
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-proto", "http, https"),
            ("x-forwarded-host", "chat.example.org"),
        ];
        assert_eq!(
            client(ForwardedHeader::XForwardedFor, "10.0.0.1", &headers),
            "192.0.2.7 https://chat.example.org"
        );
        let headers = [("x-forwarded-proto", "https")];
        assert_eq!(
            client(ForwardedHeader::XForwardedFor, "10.0.0.1", &headers),
            "10.0.0.1 https://inner:8190"
        );
    }

    #[test]
    fn rfc_7239_is_read() {
        let headers = [(
            "forwarded",
            "for=6.6.6.6, For=\"[2001:db8:cafe::17]:4711\";Proto=https;host=\"chat.example.org\", for=10.3.3.3",
        )];
        assert_eq!(
            client(ForwardedHeader::Forwarded, "10.0.0.1", &headers),
            "2001:db8:cafe::17 https://chat.example.org"
        );
        let headers = [("forwarded", "for=6.6.6.6, for=_hidden, for=10.3.3.3")];
        assert_eq!(client(ForwardedHeader::Forwarded, "10.0.0.1", &headers), "10.3.3.3 http://inner:8190");
    }

    #[test]
    fn blocks_are_compared_by_their_prefix() {
        let block = |text: &str| text.parse::<Cidr>();
        assert!(block("10.0.0.0/8").unwrap().contains("10.255.0.1".parse().unwrap()));
        assert!(block("10.1.2.3/8").unwrap().contains("10.9.9.9".parse().unwrap()));
        assert!(!block("10.0.0.0/8").unwrap().contains("11.0.0.1".parse().unwrap()));
        assert!(block("0.0.0.0/0").unwrap().contains("203.0.113.1".parse().unwrap()));
        assert!(!block("0.0.0.0/0").unwrap().contains("2001:db8::1".parse().unwrap()));
        assert!(block("::/0").unwrap().contains("203.0.113.1".parse().unwrap()));
        assert!(block("192.0.2.1").unwrap().contains("::ffff:192.0.2.1".parse().unwrap()));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "a", "10.0.0.0/", "10.0.0.0/-1"] {
            assert_eq!(block(bad), Err(BadCidr(bad.to_owned())));
        }
    }
}
