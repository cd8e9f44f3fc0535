//! Size limits of EAP packets.

/// How large the next request may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most octets of the next EAP packet, header included. Values outside 60..=4000 are taken as
    /// the nearest bound: below it nothing moves, above it no RADIUS packet can carry it.
    pub eap_octets: usize,
}

impl Limits {
    /// The default (E2, RFC 3579 §2.4): with it the whole datagram
    /// survives tunnels and firewalls that drop IP fragments.
    pub const USUAL: Limits = Limits { eap_octets: 1020 };

    /// The smaller of `most`, which is about the way to the NAS, and the request's Framed-MTU,
    /// which is about the link from there to the device; `is_80211` where NAS-Port-Type says
    /// 802.11, whose EAPOL header takes four octets. A Framed-MTU below 64 is none (RFC 2865
    /// §5.12).
    pub fn new(most: usize, framed_mtu: Option<u32>, is_80211: bool) -> Limits {
        let header = if is_80211 { 4 } else { 0 };
        let room = framed_mtu
            .filter(|mtu| *mtu >= 64)
            .and_then(|mtu| usize::try_from(mtu - header).ok());
        Limits {
            eap_octets: room.map_or(most, |room| room.min(most)),
        }
    }

    pub(crate) fn octets(self) -> usize {
        self.eap_octets.clamp(60, 4000)
    }
}
