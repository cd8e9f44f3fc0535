//! Microsoft's attributes: RFC 2548, and those that NPS and its clients have added since
//! (MS-RNAP §2.2.1). Sub-attributes of Vendor-Specific with vendor 311.

use super::Encryption::{Salted, UserPassword};
use super::{Definition, ValueKind};

/// Microsoft's private enterprise number.
pub const VENDOR: u32 = 311;

macro_rules! attributes {
    ($($number:literal $constant:ident $name:literal $kind:ident
        $(.$flag:ident($($argument:expr)?))*;)*) => {
        $(
            #[doc = concat!($name, ", ", $number, ".")]
            pub const $constant: u8 = $number;
        )*

        pub(super) const DEFINITIONS: &[Definition] = &[$(
            Definition::new($name, $number, ValueKind::$kind)
                .of_vendor(VENDOR)$(.$flag($($argument)?))*,
        )*];
    };
}

attributes! {
    1 MS_CHAP_RESPONSE "MS-CHAP-Response" String.secret();
    2 MS_CHAP_ERROR "MS-CHAP-Error" String;
    3 MS_CHAP_CPW_1 "MS-CHAP-CPW-1" String.secret();
    4 MS_CHAP_CPW_2 "MS-CHAP-CPW-2" String.secret();
    5 MS_CHAP_LM_ENC_PW "MS-CHAP-LM-Enc-PW" String.secret();
    6 MS_CHAP_NT_ENC_PW "MS-CHAP-NT-Enc-PW" String.secret();
    7 MS_MPPE_ENCRYPTION_POLICY "MS-MPPE-Encryption-Policy" Integer;
    8 MS_MPPE_ENCRYPTION_TYPES "MS-MPPE-Encryption-Types" Integer;
    9 MS_RAS_VENDOR "MS-RAS-Vendor" Integer;
    10 MS_CHAP_DOMAIN "MS-CHAP-Domain" String;
    11 MS_CHAP_CHALLENGE "MS-CHAP-Challenge" String;
    12 MS_CHAP_MPPE_KEYS "MS-CHAP-MPPE-Keys" String.encrypted(UserPassword);
    13 MS_BAP_USAGE "MS-BAP-Usage" Integer;
    14 MS_LINK_UTILIZATION_THRESHOLD "MS-Link-Utilization-Threshold" Integer;
    15 MS_LINK_DROP_TIME_LIMIT "MS-Link-Drop-Time-Limit" Integer;
    16 MS_MPPE_SEND_KEY "MS-MPPE-Send-Key" String.encrypted(Salted);
    17 MS_MPPE_RECV_KEY "MS-MPPE-Recv-Key" String.encrypted(Salted);
    18 MS_RAS_VERSION "MS-RAS-Version" Text;
    19 MS_OLD_ARAP_PASSWORD "MS-Old-ARAP-Password" String.secret();
    20 MS_NEW_ARAP_PASSWORD "MS-New-ARAP-Password" String.secret();
    21 MS_ARAP_PW_CHANGE_REASON "MS-ARAP-PW-Change-Reason" Integer;
    22 MS_FILTER "MS-Filter" String;
    23 MS_ACCT_AUTH_TYPE "MS-Acct-Auth-Type" Integer;
    24 MS_ACCT_EAP_TYPE "MS-Acct-EAP-Type" Integer;
    25 MS_CHAP2_RESPONSE "MS-CHAP2-Response" String.secret();
    26 MS_CHAP2_SUCCESS "MS-CHAP2-Success" String;
    27 MS_CHAP2_CPW "MS-CHAP2-CPW" String.secret();
    28 MS_PRIMARY_DNS_SERVER "MS-Primary-DNS-Server" Ipv4;
    29 MS_SECONDARY_DNS_SERVER "MS-Secondary-DNS-Server" Ipv4;
    30 MS_PRIMARY_NBNS_SERVER "MS-Primary-NBNS-Server" Ipv4;
    31 MS_SECONDARY_NBNS_SERVER "MS-Secondary-NBNS-Server" Ipv4;
    33 MS_ARAP_CHALLENGE "MS-ARAP-Challenge" String;
    34 MS_RAS_CLIENT_NAME "MS-RAS-Client-Name" Text;
    35 MS_RAS_CLIENT_VERSION "MS-RAS-Client-Version" Text;
    36 MS_QUARANTINE_IPFILTER "MS-Quarantine-IPFilter" String;
    37 MS_QUARANTINE_SESSION_TIMEOUT "MS-Quarantine-Session-Timeout" Integer;
    40 MS_USER_SECURITY_IDENTITY "MS-User-Security-Identity" String;
    41 MS_IDENTITY_TYPE "MS-Identity-Type" Integer;
    42 MS_SERVICE_CLASS "MS-Service-Class" Text;
    44 MS_QUARANTINE_USER_CLASS "MS-Quarantine-User-Class" Text;
    45 MS_QUARANTINE_STATE "MS-Quarantine-State" Integer;
    46 MS_QUARANTINE_GRACE_TIME "MS-Quarantine-Grace-Time" Integer;
    47 MS_NETWORK_ACCESS_SERVER_TYPE "MS-Network-Access-Server-Type" Integer;
    48 MS_AFW_ZONE "MS-AFW-Zone" Integer;
    49 MS_AFW_PROTECTION_LEVEL "MS-AFW-Protection-Level" Integer;
    50 MS_MACHINE_NAME "MS-Machine-Name" Text;
    51 MS_IPV6_FILTER "MS-IPv6-Filter" String;
    52 MS_IPV4_REMEDIATION_SERVERS "MS-IPv4-Remediation-Servers" String;
    53 MS_IPV6_REMEDIATION_SERVERS "MS-IPv6-Remediation-Servers" String;
    54 MS_RNAP_NOT_QUARANTINE_CAPABLE "MS-RNAP-Not-Quarantine-Capable" Integer;
    55 MS_QUARANTINE_SOH "MS-Quarantine-SOH" String;
    56 MS_RAS_CORRELATION "MS-RAS-Correlation" String;
    57 MS_EXTENDED_QUARANTINE_STATE "MS-Extended-Quarantine-State" Integer;
    58 MS_HCAP_USER_GROUPS "MS-HCAP-User-Groups" Text;
    59 MS_HCAP_LOCATION_GROUP_NAME "MS-HCAP-Location-Group-Name" Text;
    60 MS_HCAP_USER_NAME "MS-HCAP-User-Name" Text;
    61 MS_USER_IPV4_ADDRESS "MS-User-IPv4-Address" Ipv4;
    62 MS_USER_IPV6_ADDRESS "MS-User-IPv6-Address" Ipv6;
    63 MS_TSG_DEVICE_REDIRECTION "MS-TSG-Device-Redirection" Integer;
}
