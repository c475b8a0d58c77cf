//! Signatures: nothing unsigned passes as signed, and what we sign is believed.
#![no_main]

use dns::tsig::{Algorithm, Key, Signer, check_request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    let key = Key::new(b"\x03key\0", Algorithm::Sha256, &[7; 32]).expect("a key");
    if let Ok(Some(request)) = check_request(message, 1000, |_| Some(key.clone())) {
        assert!(request.outcome.is_err(), "a forgery");
        let mut answer = vec![0; 12];
        request.append_fault(1000, &mut answer);
    }
    // Without records nothing can be cut short inside of one.
    if message.len() >= 12 {
        let mut mine = message[..12].to_vec();
        mine[4..12].fill(0);
        let mut signer = Signer::requesting(key.clone());
        signer.sign(1000, &mut mine);
        let request = check_request(&mine, 1000, |_| Some(key.clone())).expect("readable").expect("signed");
        assert!(request.outcome.is_ok());
    }
});
