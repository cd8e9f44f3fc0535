use std::collections::HashSet;

use super::*;

#[test]
fn every_definition_is_found_by_number_and_by_name() {
    for entry in definitions() {
        let by_number = match entry.vendor {
            Some(vendor) => vendor_definition(vendor, entry.number),
            None => definition(AttributeType(entry.number)),
        };
        assert_eq!(by_number, Some(entry));
        assert_eq!(find(&entry.name.to_uppercase()), Some(entry));
    }
}

#[test]
fn no_number_and_no_name_is_given_twice() {
    let numbers: HashSet<_> = definitions()
        .map(|entry| (entry.vendor, entry.number))
        .collect();
    let names: HashSet<_> = definitions()
        .map(|entry| entry.name.to_lowercase())
        .collect();
    assert_eq!(numbers.len(), definitions().count());
    assert_eq!(names.len(), definitions().count());
}

#[test]
fn whatever_is_encrypted_is_secret() {
    let open = definitions().find(|entry| entry.encryption != Encryption::Clear && !entry.secret);
    assert_eq!(open, None);
}

#[test]
fn tunnel_attributes_carry_a_tag() {
    let tagged: Vec<u8> = definitions()
        .filter(|entry| entry.tagged)
        .map(|entry| entry.number)
        .collect();
    assert_eq!(tagged, [64, 65, 66, 67, 69, 81, 82, 83, 90, 91]);
}

#[test]
fn unknown_numbers_have_no_definition() {
    assert_eq!(definition(AttributeType(0)), None);
    assert_eq!(definition(AttributeType(17)), None);
    assert_eq!(vendor_definition(311, 0), None);
    assert_eq!(vendor_definition(9, 1), None);
    assert_eq!(AttributeType(17).to_string(), "Attribute-17");
}
