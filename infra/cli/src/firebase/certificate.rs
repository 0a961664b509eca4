//! `latchkey firebase key create`: the certificate by which Google knows a key in AWS KMS.

use std::{cell::RefCell, fs, io, io::Write, path::PathBuf};

use clap::Args;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, Error, KeyUsagePurpose, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm, SigningKey, date_time_ymd,
};
use shared::{
    config::Config,
    keys::{file_fault, service_account::is_client_email, signer::Kms},
    time::Timestamp,
};

use crate::{Failure, aws::Aws, deployment, written};

/// The life of the certificate. Google accepts no signature by its key afterwards.
const YEARS: i32 = 10;

/// `latchkey firebase key create`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey firebase key create --kms arn:aws:kms:eu-central-1:123456789012:key/… \\
    --email signer@my-app.iam.gserviceaccount.com

Google learns the public half alone, by the command that is printed. The private half never leaves
AWS KMS.")]
pub struct CreateKey {
    /// The key in AWS KMS: an RSA_2048 key for SIGN_VERIFY. Its ARN, its id or an alias.
    #[arg(long, value_name = "KEY")]
    kms: String,
    /// The service account whose tokens the key signs. Without it FIREBASE_CLIENT_EMAIL counts.
    #[arg(long, value_name = "EMAIL")]
    email: Option<String>,
    /// The file of the certificate.
    #[arg(long, value_name = "FILE", default_value = "latchkey-firebase.pem")]
    out: PathBuf,
}

impl CreateKey {
    /// Makes the certificate, and prints the commands that let Google and this service know the
    /// key.
    ///
    /// # Errors
    ///
    /// A sentence for people: AWS refuses, or the file cannot be written.
    pub async fn run(self, config: &Config) -> Result<(), Failure> {
        let email = self.email.as_ref().or(config.firebase.client_email.as_ref());
        let email = email.filter(|email| is_client_email(email)).ok_or_else(|| {
            Failure::wrong_use("Name the service account with --email, or set FIREBASE_CLIENT_EMAIL.")
        })?;
        let kms = Kms::new(&self.kms, Aws::of(config).caller().await?);
        let pem = certificate(&kms, deployment::now()).await?;
        let shown = self.out.display();
        fs::write(&self.out, pem).map_err(|error| format!("{shown} cannot be written: {}.", file_fault(&error)))?;
        written(writeln!(
            io::stdout(),
            "{shown} has the certificate, which is no secret. Let Google know the key, and this service use it:\n\n  \
             gcloud iam service-accounts keys upload {shown} --iam-account={email}\n  FIREBASE_SIGNER=kms \
             FIREBASE_CLIENT_EMAIL={email} FIREBASE_KMS_KEY_ID={}",
            self.kms
        ))
    }
}

/// A certificate of the key in X.509 version 3, which the key itself signs, as PEM text.
async fn certificate(kms: &Kms, now: Timestamp) -> Result<String, String> {
    let public = kms.rsa_public_key(now).await.map_err(|error| format!("{}.", error.cause()))?;
    let (params, wrong) = (params(now)?, |error: Error| format!("The certificate cannot be made: {error}."));
    // The text that is signed is known once the certificate is made, and does not depend on its
    // signature.
    let unsigned = KeyInKms { public, signature: Vec::new(), asked: RefCell::default() };
    params.self_signed(&unsigned).map_err(wrong)?;
    let text = unsigned.asked.take();
    let signature = kms.signature(&text, now).await.map_err(|error| format!("{}.", error.cause()))?;
    let made = params.self_signed(&KeyInKms { signature, ..unsigned }).map_err(wrong)?;
    let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    Ok(pem::encode_config(&pem::Pem::new("CERTIFICATE", made.der().to_vec()), lines))
}

/// The contents of the certificate. It is public, and so names nobody.
fn params(now: Timestamp) -> Result<CertificateParams, String> {
    let date = now.rfc3339();
    let part = |from: usize, to: usize| date.get(from..to).and_then(|part| part.parse::<u8>().ok());
    let year = date.get(..4).and_then(|year| year.parse::<i32>().ok());
    let (Some(year), Some(month), Some(day)) = (year, part(5, 7), part(8, 10)) else {
        return Err("The clock of this machine is wrong.".to_owned());
    };
    // The 29th of February is not in each year.
    let day = day.min(28);
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(year, month, day);
    params.not_after = date_time_ymd(year + YEARS, month, day);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "latchkey");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

/// A key in KMS, as far as a certificate needs it.
struct KeyInKms {
    /// `RSAPublicKey` (RFC 8017 section A.1.1).
    public: Vec<u8>,
    signature: Vec<u8>,
    /// The text that a signature was asked for.
    asked: RefCell<Vec<u8>>,
}

impl PublicKeyData for KeyInKms {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl SigningKey for KeyInKms {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.asked.replace(message.to_vec());
        Ok(self.signature.clone())
    }
}
