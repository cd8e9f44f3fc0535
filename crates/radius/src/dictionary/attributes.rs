//! The attributes without a vendor, by the RFC that defines them.

use super::Encryption::{Salted, UserPassword};
use super::{Definition, ValueKind};
use crate::AttributeType;

macro_rules! attributes {
    ($($rfc:literal { $($number:literal $constant:ident $name:literal $kind:ident
        $(.$flag:ident($($argument:expr)?))*;)* })*) => {
        /// The attributes that the dictionary knows.
        impl AttributeType {
            $($(
                #[doc = concat!($name, ", ", $number, " (", $rfc, ").")]
                pub const $constant: AttributeType = AttributeType($number);
            )*)*
        }

        pub(super) const DEFINITIONS: &[Definition] = &[$($(
            Definition::new($name, $number, ValueKind::$kind)$(.$flag($($argument)?))*,
        )*)*];
    };
}

attributes! {
    "RFC 2865" {
        1 USER_NAME "User-Name" Text;
        2 USER_PASSWORD "User-Password" String.encrypted(UserPassword);
        3 CHAP_PASSWORD "CHAP-Password" String.secret();
        4 NAS_IP_ADDRESS "NAS-IP-Address" Ipv4;
        5 NAS_PORT "NAS-Port" Integer;
        6 SERVICE_TYPE "Service-Type" Integer;
        7 FRAMED_PROTOCOL "Framed-Protocol" Integer;
        8 FRAMED_IP_ADDRESS "Framed-IP-Address" Ipv4;
        9 FRAMED_IP_NETMASK "Framed-IP-Netmask" Ipv4;
        10 FRAMED_ROUTING "Framed-Routing" Integer;
        11 FILTER_ID "Filter-Id" Text;
        12 FRAMED_MTU "Framed-MTU" Integer;
        13 FRAMED_COMPRESSION "Framed-Compression" Integer;
        14 LOGIN_IP_HOST "Login-IP-Host" Ipv4;
        15 LOGIN_SERVICE "Login-Service" Integer;
        16 LOGIN_TCP_PORT "Login-TCP-Port" Integer;
        18 REPLY_MESSAGE "Reply-Message" Text;
        19 CALLBACK_NUMBER "Callback-Number" Text;
        20 CALLBACK_ID "Callback-Id" Text;
        22 FRAMED_ROUTE "Framed-Route" Text;
        23 FRAMED_IPX_NETWORK "Framed-IPX-Network" Ipv4;
        24 STATE "State" String;
        25 CLASS "Class" String;
        26 VENDOR_SPECIFIC "Vendor-Specific" VendorSpecific;
        27 SESSION_TIMEOUT "Session-Timeout" Integer;
        28 IDLE_TIMEOUT "Idle-Timeout" Integer;
        29 TERMINATION_ACTION "Termination-Action" Integer;
        30 CALLED_STATION_ID "Called-Station-Id" Text;
        31 CALLING_STATION_ID "Calling-Station-Id" Text;
        32 NAS_IDENTIFIER "NAS-Identifier" Text;
        33 PROXY_STATE "Proxy-State" String;
        34 LOGIN_LAT_SERVICE "Login-LAT-Service" Text;
        35 LOGIN_LAT_NODE "Login-LAT-Node" Text;
        36 LOGIN_LAT_GROUP "Login-LAT-Group" String;
        37 FRAMED_APPLETALK_LINK "Framed-AppleTalk-Link" Integer;
        38 FRAMED_APPLETALK_NETWORK "Framed-AppleTalk-Network" Integer;
        39 FRAMED_APPLETALK_ZONE "Framed-AppleTalk-Zone" Text;
        60 CHAP_CHALLENGE "CHAP-Challenge" String;
        61 NAS_PORT_TYPE "NAS-Port-Type" Integer;
        62 PORT_LIMIT "Port-Limit" Integer;
        63 LOGIN_LAT_PORT "Login-LAT-Port" Text;
    }
    "RFC 2866" {
        40 ACCT_STATUS_TYPE "Acct-Status-Type" Integer;
        41 ACCT_DELAY_TIME "Acct-Delay-Time" Integer;
        42 ACCT_INPUT_OCTETS "Acct-Input-Octets" Integer;
        43 ACCT_OUTPUT_OCTETS "Acct-Output-Octets" Integer;
        44 ACCT_SESSION_ID "Acct-Session-Id" Text;
        45 ACCT_AUTHENTIC "Acct-Authentic" Integer;
        46 ACCT_SESSION_TIME "Acct-Session-Time" Integer;
        47 ACCT_INPUT_PACKETS "Acct-Input-Packets" Integer;
        48 ACCT_OUTPUT_PACKETS "Acct-Output-Packets" Integer;
        49 ACCT_TERMINATE_CAUSE "Acct-Terminate-Cause" Integer;
        50 ACCT_MULTI_SESSION_ID "Acct-Multi-Session-Id" Text;
        51 ACCT_LINK_COUNT "Acct-Link-Count" Integer;
    }
    "RFC 2867" {
        68 ACCT_TUNNEL_CONNECTION "Acct-Tunnel-Connection" Text;
        86 ACCT_TUNNEL_PACKETS_LOST "Acct-Tunnel-Packets-Lost" Integer;
    }
    "RFC 2868" {
        64 TUNNEL_TYPE "Tunnel-Type" Integer.tagged();
        65 TUNNEL_MEDIUM_TYPE "Tunnel-Medium-Type" Integer.tagged();
        66 TUNNEL_CLIENT_ENDPOINT "Tunnel-Client-Endpoint" Text.tagged();
        67 TUNNEL_SERVER_ENDPOINT "Tunnel-Server-Endpoint" Text.tagged();
        69 TUNNEL_PASSWORD "Tunnel-Password" String.tagged().encrypted(Salted);
        81 TUNNEL_PRIVATE_GROUP_ID "Tunnel-Private-Group-ID" Text.tagged();
        82 TUNNEL_ASSIGNMENT_ID "Tunnel-Assignment-ID" Text.tagged();
        83 TUNNEL_PREFERENCE "Tunnel-Preference" Integer.tagged();
        90 TUNNEL_CLIENT_AUTH_ID "Tunnel-Client-Auth-ID" Text.tagged();
        91 TUNNEL_SERVER_AUTH_ID "Tunnel-Server-Auth-ID" Text.tagged();
    }
    "RFC 2869" {
        52 ACCT_INPUT_GIGAWORDS "Acct-Input-Gigawords" Integer;
        53 ACCT_OUTPUT_GIGAWORDS "Acct-Output-Gigawords" Integer;
        55 EVENT_TIMESTAMP "Event-Timestamp" Time;
        70 ARAP_PASSWORD "ARAP-Password" String.secret();
        71 ARAP_FEATURES "ARAP-Features" String;
        72 ARAP_ZONE_ACCESS "ARAP-Zone-Access" Integer;
        73 ARAP_SECURITY "ARAP-Security" Integer;
        74 ARAP_SECURITY_DATA "ARAP-Security-Data" String.secret();
        75 PASSWORD_RETRY "Password-Retry" Integer;
        76 PROMPT "Prompt" Integer;
        77 CONNECT_INFO "Connect-Info" Text;
        78 CONFIGURATION_TOKEN "Configuration-Token" Text;
        84 ARAP_CHALLENGE_RESPONSE "ARAP-Challenge-Response" String.secret();
        85 ACCT_INTERIM_INTERVAL "Acct-Interim-Interval" Integer;
        87 NAS_PORT_ID "NAS-Port-Id" Text;
        88 FRAMED_POOL "Framed-Pool" Text;
    }
    "RFC 3579" {
        79 EAP_MESSAGE "EAP-Message" Piece;
        80 MESSAGE_AUTHENTICATOR "Message-Authenticator" String;
    }
    "RFC 4675" {
        56 EGRESS_VLANID "Egress-VLANID" Integer;
        57 INGRESS_FILTERS "Ingress-Filters" Integer;
        58 EGRESS_VLAN_NAME "Egress-VLAN-Name" Text;
        59 USER_PRIORITY_TABLE "User-Priority-Table" String;
    }
    "RFC 4372" {
        89 CHARGEABLE_USER_IDENTITY "Chargeable-User-Identity" String;
    }
    "RFC 4849" {
        92 NAS_FILTER_RULE "NAS-Filter-Rule" Piece;
    }
    "RFC 7155" {
        94 ORIGINATING_LINE_INFO "Originating-Line-Info" String;
    }
    "RFC 3162" {
        95 NAS_IPV6_ADDRESS "NAS-IPv6-Address" Ipv6;
        96 FRAMED_INTERFACE_ID "Framed-Interface-Id" InterfaceId;
        97 FRAMED_IPV6_PREFIX "Framed-IPv6-Prefix" Ipv6Prefix;
        98 LOGIN_IPV6_HOST "Login-IPv6-Host" Ipv6;
        99 FRAMED_IPV6_ROUTE "Framed-IPv6-Route" Text;
        100 FRAMED_IPV6_POOL "Framed-IPv6-Pool" Text;
    }
    "RFC 3576 and 5176" {
        101 ERROR_CAUSE "Error-Cause" Integer;
    }
    "RFC 4072" {
        102 EAP_KEY_NAME "EAP-Key-Name" String;
    }
    "RFC 4818" {
        123 DELEGATED_IPV6_PREFIX "Delegated-IPv6-Prefix" Ipv6Prefix;
    }
    "RFC 5580" {
        126 OPERATOR_NAME "Operator-Name" Text;
        127 LOCATION_INFORMATION "Location-Information" String;
        128 LOCATION_DATA "Location-Data" String;
        129 BASIC_LOCATION_POLICY_RULES "Basic-Location-Policy-Rules" String;
        130 EXTENDED_LOCATION_POLICY_RULES "Extended-Location-Policy-Rules" String;
        131 LOCATION_CAPABLE "Location-Capable" Integer;
        132 REQUESTED_LOCATION_INFO "Requested-Location-Info" Integer;
    }
    "RFC 6911" {
        168 FRAMED_IPV6_ADDRESS "Framed-IPv6-Address" Ipv6;
        169 DNS_SERVER_IPV6_ADDRESS "DNS-Server-IPv6-Address" Ipv6;
        170 ROUTE_IPV6_INFORMATION "Route-IPv6-Information" Ipv6Prefix;
        171 DELEGATED_IPV6_PREFIX_POOL "Delegated-IPv6-Prefix-Pool" Text;
        172 STATEFUL_IPV6_ADDRESS_POOL "Stateful-IPv6-Address-Pool" Text;
    }
    "RFC 7268" {
        174 ALLOWED_CALLED_STATION_ID "Allowed-Called-Station-Id" Text;
        175 EAP_PEER_ID "EAP-Peer-Id" String;
        176 EAP_SERVER_ID "EAP-Server-Id" String;
        177 MOBILITY_DOMAIN_ID "Mobility-Domain-Id" Integer;
        178 PREAUTH_TIMEOUT "Preauth-Timeout" Integer;
        179 NETWORK_ID_NAME "Network-Id-Name" String;
        180 EAPOL_ANNOUNCEMENT "EAPoL-Announcement" Piece;
        181 WLAN_HESSID "WLAN-HESSID" Text;
        182 WLAN_VENUE_INFO "WLAN-Venue-Info" Integer;
        183 WLAN_VENUE_LANGUAGE "WLAN-Venue-Language" String;
        184 WLAN_VENUE_NAME "WLAN-Venue-Name" Text;
        185 WLAN_REASON_CODE "WLAN-Reason-Code" Integer;
        186 WLAN_PAIRWISE_CIPHER "WLAN-Pairwise-Cipher" Integer;
        187 WLAN_GROUP_CIPHER "WLAN-Group-Cipher" Integer;
        188 WLAN_AKM_SUITE "WLAN-AKM-Suite" Integer;
        189 WLAN_GROUP_MGMT_CIPHER "WLAN-Group-Mgmt-Cipher" Integer;
        190 WLAN_RF_BAND "WLAN-RF-Band" Integer;
    }
    "RFC 6929" {
        241 EXTENDED_ATTRIBUTE_1 "Extended-Attribute-1" Extended;
        242 EXTENDED_ATTRIBUTE_2 "Extended-Attribute-2" Extended;
        243 EXTENDED_ATTRIBUTE_3 "Extended-Attribute-3" Extended;
        244 EXTENDED_ATTRIBUTE_4 "Extended-Attribute-4" Extended;
        245 EXTENDED_ATTRIBUTE_5 "Extended-Attribute-5" Extended;
        246 EXTENDED_ATTRIBUTE_6 "Extended-Attribute-6" Extended;
    }
}
