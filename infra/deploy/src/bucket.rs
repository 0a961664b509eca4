//! The bucket of S3 from which Lambda and CloudFormation load the files of a release. A file's name
//! has its checksum, so that no file ever changes.

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{
        BucketLocationConstraint, ChecksumAlgorithm, ChecksumMode, CreateBucketConfiguration,
        PublicAccessBlockConfiguration,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{account::Aws, refusal::explain, release::sha256, screen::progress};

const FOLDER: &str = "latchkey";

/// A bucket of the caller's account, in the caller's region.
pub struct Bucket<'aws> {
    aws: &'aws Aws,
    /// The name.
    pub name: String,
}

impl<'aws> Bucket<'aws> {
    /// The bucket of this name. Without a name it is `latchkey-ACCOUNT-REGION`, which is made if it
    /// is missing; nobody else can read it.
    ///
    /// # Errors
    ///
    /// A sentence: the bucket belongs to another account or region, or cannot be made.
    pub async fn open(aws: &'aws Aws, name: Option<String>) -> Result<Self, String> {
        let is_ours = name.is_none();
        let name = name.unwrap_or_else(|| format!("{FOLDER}-{}-{}", aws.account, aws.region));
        let bucket = Self { aws, name };
        let head = aws.s3.head_bucket().bucket(&bucket.name).expected_bucket_owner(&aws.account).send().await;
        let name = &bucket.name;
        match head {
            Ok(head) if head.bucket_region().is_none_or(|region| region == aws.region) => Ok(bucket),
            Ok(head) => Err(format!(
                "The bucket {name} is in {}, and the region is {}. Lambda loads functions from a bucket in its own region \
                 alone.",
                head.bucket_region().unwrap_or_default(),
                aws.region
            )),
            Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
                Some(404) if is_ours => bucket.make().await,
                Some(404) => Err(format!("There is no bucket {name}. Leave --bucket out, and one is made.")),
                Some(403) => Err(format!(
                    "The bucket {name} belongs to another account than {}, or these credentials may not see it \
                     (s3:ListBucket).",
                    aws.account
                )),
                Some(301) => Err(format!("The bucket {name} is not in the region {}.", aws.region)),
                _ => Err(explain(&error)),
            },
        }
    }

    async fn make(self) -> Result<Self, String> {
        let s3 = &self.aws.s3;
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(self.aws.region.as_str()))
            .build();
        // The oldest region has no name for S3.
        let place = (self.aws.region != "us-east-1").then_some(place);
        let made = s3.create_bucket().bucket(&self.name).set_create_bucket_configuration(place).send().await;
        made.map_err(|error| format!("The bucket {} cannot be made. {}", self.name, explain(&error)))?;
        let closed = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true);
        let closing = s3.put_public_access_block().bucket(&self.name).public_access_block_configuration(closed.build());
        closing.send().await.map_err(|error| explain(&error))?;
        progress(&format!("  made     the bucket {}, which nobody else can read", self.name));
        Ok(self)
    }

    /// Uploads a file unless it is there. Returns the file's key.
    ///
    /// S3 compares the checksum before it stores the file.
    ///
    /// # Errors
    ///
    /// A sentence: the upload failed. The same command goes on with this file.
    pub async fn put(&self, stem: &str, ending: &str, content: Vec<u8>) -> Result<String, String> {
        let key = format!("{FOLDER}/{stem}-{}.{ending}", sha256(&content));
        let checksum = BASE64_STANDARD.encode(digest(&SHA256, &content).as_ref());
        if self.checksum(&key).await? == checksum {
            progress(&format!("  there    {stem}.{ending}"));
            return Ok(key);
        }
        let put = self.aws.s3.put_object().bucket(&self.name).key(&key).expected_bucket_owner(&self.aws.account);
        let put = put.checksum_algorithm(ChecksumAlgorithm::Sha256).checksum_sha256(checksum);
        let put = put.body(ByteStream::from(content)).send().await;
        put.map_err(|error| {
            format!(
                "{stem}.{ending} was not uploaded. {} Run the same command again: it goes on with this file.",
                explain(&error)
            )
        })?;
        progress(&format!("  uploaded {stem}.{ending}"));
        Ok(key)
    }

    /// The checksum that S3 keeps with a file. Empty if there is no such file, or none to see.
    async fn checksum(&self, key: &str) -> Result<String, String> {
        let head = self.aws.s3.head_object().bucket(&self.name).key(key).checksum_mode(ChecksumMode::Enabled);
        match head.send().await {
            Ok(head) => Ok(head.checksum_sha256.unwrap_or_default()),
            // S3 answers 403 for a missing file to whoever may not list the bucket.
            Err(error) => match error.raw_response().map(|response| response.status().as_u16()) {
                Some(403 | 404) => Ok(String::new()),
                _ => Err(explain(&error)),
            },
        }
    }

    /// The address of a file for CloudFormation.
    pub fn url(&self, key: &str) -> String {
        let suffix = if self.aws.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://{}.s3.{}.{suffix}/{key}", self.name, self.aws.region)
    }

    /// The address of a file for the short form of SAM.
    pub fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }
}
