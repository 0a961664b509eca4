//! The permissions of each function: every action, the resource that it is allowed on, and its
//! condition.

use serde_json::{Value, json};

/// A permission as a row of the table.
type Row = (&'static str, &'static str, &'static str);

// Records, by the first part of their keys.
const USERS: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["USER#*"]}}"#;
const ACCOUNTS: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["USER#*","PROFILE#*"]}}"#;
const ACCOUNTS_AND_SESSIONS: &str =
    r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["USER#*","PROFILE#*","SESSION#*"]}}"#;
const ALL_OF_AN_ACCOUNT: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["USER#*","LOGIN#*","IDENTITY#*","PROFILE#*","SESSION#*","LIMIT#*","SYNC#*"]}}"#;
/// Records with a password hash, and the attributes that `logout` may write. The hash is not among
/// them, and nothing comes back.
const LOGINS_WITHOUT_HASH: &str = concat!(
    r#"{"ForAllValues:StringEquals":{"dynamodb:Attributes":["pk","epoch","revision","sessions_ended_at","version"]},"#,
    r#""ForAllValues:StringLike":{"dynamodb:LeadingKeys":["LOGIN#*","IDENTITY#*"]},"#,
    r#""StringEqualsIfExists":{"dynamodb:ReturnValues":"NONE"}}"#,
);
const SESSIONS: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["SESSION#*"]}}"#;

const MAILS: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["MAIL#*"]}}"#;
const MAILS_AND_SUPPRESSIONS: &str =
    r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["MAIL#*","SUPPRESSED#*"]}}"#;
const MAILS_AND_LIMITS: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["MAIL#*","LIMIT#*"]}}"#;
const ENDINGS: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["SYNC#*"]}}"#;
const OUTBOX_AND_ACCOUNTS: &str =
    r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["SYNC#*","USER#*","PROFILE#*","HOOK#*","ENDPOINT#*"]}}"#;
const ENDINGS_AND_EVENTS: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["SYNC#*","HOOK#*"]}}"#;
const EVENTS: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["HOOK#*"]}}"#;
const ENDPOINTS: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["ENDPOINT#*"]}}"#;
/// The list of the events that wait, in the index of accounts.
const LIST_OF_EVENTS: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["hook"]}}"#;
const SUPPRESSIONS: &str = r#"{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["SUPPRESSED#*"]}}"#;

/// Custom tokens are signed by RS256 alone.
const SIGNATURES: &str = r#"SignsByKms and {"StringEquals":{"kms:SigningAlgorithm":"RSASSA_PKCS1_V1_5_SHA_256"}}"#;

/// The index that lists accounts.
const ACCOUNTS_INDEX: &str = "${Table.Arn}/index/accounts";
/// The index that lists the sessions of a user.
const INDEX: &str = "${Table.Arn}/index/sessions_by_user";

/// The functions by name, in alphabetical order.
pub const ALLOWED: [(&str, &[Row]); 14] = [
    (
        "AccountFunction",
        &[
            ("dynamodb:BatchGetItem", "Table.Arn", ""),
            ("dynamodb:BatchWriteItem", "Table.Arn", SESSIONS),
            ("dynamodb:DeleteItem", "Table.Arn", ""),
            ("dynamodb:PutItem", "Table.Arn", ""),
            ("dynamodb:Query", INDEX, ""),
            ("dynamodb:UpdateItem", "Table.Arn", ALL_OF_AN_ACCOUNT),
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("kms:GetPublicKey", "FirebaseKmsKeyArn", "SignsByKms"),
            ("kms:Sign", "FirebaseKmsKeyArn", SIGNATURES),
            ("logs:CreateLogStream", "AccountLogs.Arn", ""),
            ("logs:PutLogEvents", "AccountLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "FirebaseServiceAccount", "SignsByKey"),
            ("secretsmanager:GetSecretValue", "SharedSecret", "MintsSharedSecretTokens"),
            ("secretsmanager:GetSecretValue", "SigningKeys", ""),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "AdminFunction",
        &[
            ("dynamodb:BatchGetItem", "Table.Arn", ""),
            ("dynamodb:BatchWriteItem", "Table.Arn", SESSIONS),
            ("dynamodb:DeleteItem", "Table.Arn", ""),
            ("dynamodb:PutItem", "Table.Arn", ""),
            ("dynamodb:Query", ACCOUNTS_INDEX, ""),
            ("dynamodb:Query", INDEX, ""),
            ("dynamodb:UpdateItem", "Table.Arn", ""),
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("logs:CreateLogStream", "AdminLogs.Arn", ""),
            ("logs:PutLogEvents", "AdminLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "AdminKey", "HasAdmin"),
            ("secretsmanager:GetSecretValue", "EventWebhookSecret", "TellsWebhook"),
            ("secretsmanager:GetSecretValue", "ProofKey", ""),
            ("secretsmanager:GetSecretValue", "SigningKeys", ""),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "ConsoleFunction",
        &[
            ("logs:CreateLogStream", "ConsoleLogs.Arn", ""),
            ("logs:PutLogEvents", "ConsoleLogs.Arn", ""),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "CreateAccountFunction",
        &[
            ("dynamodb:BatchGetItem", "Table.Arn", ""),
            ("dynamodb:DeleteItem", "Table.Arn", ""),
            ("dynamodb:PutItem", "Table.Arn", ""),
            ("dynamodb:UpdateItem", "Table.Arn", ""),
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("kms:GetPublicKey", "FirebaseKmsKeyArn", "SignsByKms"),
            ("kms:Sign", "FirebaseKmsKeyArn", SIGNATURES),
            ("logs:CreateLogStream", "CreateAccountLogs.Arn", ""),
            ("logs:PutLogEvents", "CreateAccountLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "FirebaseServiceAccount", "SignsByKey"),
            ("secretsmanager:GetSecretValue", "ProofKey", ""),
            ("secretsmanager:GetSecretValue", "ServerApiKey", "HasSharedSecret"),
            ("secretsmanager:GetSecretValue", "SharedSecret", "MintsSharedSecretTokens"),
            ("secretsmanager:GetSecretValue", "SigningKeys", ""),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "EmailFunction",
        &[
            ("dynamodb:BatchGetItem", "Table.Arn", ""),
            ("dynamodb:DeleteItem", "Table.Arn", ""),
            ("dynamodb:PutItem", "Table.Arn", ""),
            ("dynamodb:UpdateItem", "Table.Arn", ""),
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("kms:GetPublicKey", "FirebaseKmsKeyArn", "SignsByKms"),
            ("kms:Sign", "FirebaseKmsKeyArn", SIGNATURES),
            ("logs:CreateLogStream", "EmailLogs.Arn", ""),
            ("logs:PutLogEvents", "EmailLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "FirebaseServiceAccount", "SignsByKey"),
            ("secretsmanager:GetSecretValue", "ProofKey", ""),
            ("secretsmanager:GetSecretValue", "ServerApiKey", "HasSharedSecret"),
            ("secretsmanager:GetSecretValue", "SharedSecret", "MintsSharedSecretTokens"),
            ("secretsmanager:GetSecretValue", "SigningKeys", ""),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "JwtFunction",
        &[
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("logs:CreateLogStream", "JwtLogs.Arn", ""),
            ("logs:PutLogEvents", "JwtLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "PublicKeys", ""),
            ("secretsmanager:GetSecretValue", "ServerApiKey", "HasSharedSecret"),
            ("secretsmanager:GetSecretValue", "SharedSecret", "HasSharedSecret"),
            ("secretsmanager:GetSecretValue", "SigningKeys", "UpgradesKeys"),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "LoginFunction",
        &[
            ("dynamodb:BatchGetItem", "Table.Arn", ""),
            ("dynamodb:DeleteItem", "Table.Arn", ""),
            ("dynamodb:PutItem", "Table.Arn", ""),
            ("dynamodb:UpdateItem", "Table.Arn", ""),
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("kms:GetPublicKey", "FirebaseKmsKeyArn", "SignsByKms"),
            ("kms:Sign", "FirebaseKmsKeyArn", SIGNATURES),
            ("logs:CreateLogStream", "LoginLogs.Arn", ""),
            ("logs:PutLogEvents", "LoginLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "FirebaseServiceAccount", "SignsByKey"),
            ("secretsmanager:GetSecretValue", "LegacyLoginSecret", "AsksLegacyLogin"),
            ("secretsmanager:GetSecretValue", "ServerApiKey", "HasSharedSecret"),
            ("secretsmanager:GetSecretValue", "SharedSecret", "MintsSharedSecretTokens"),
            ("secretsmanager:GetSecretValue", "SigningKeys", ""),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "LogoutFunction",
        &[
            ("dynamodb:BatchGetItem", "Table.Arn", ACCOUNTS_AND_SESSIONS),
            ("dynamodb:BatchWriteItem", "Table.Arn", SESSIONS),
            ("dynamodb:PutItem", "Table.Arn", MAILS),
            ("dynamodb:Query", INDEX, ""),
            ("dynamodb:UpdateItem", "Table.Arn", ENDINGS),
            ("dynamodb:UpdateItem", "Table.Arn", LOGINS_WITHOUT_HASH),
            ("dynamodb:UpdateItem", "Table.Arn", SESSIONS),
            ("dynamodb:UpdateItem", "Table.Arn", USERS),
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("logs:CreateLogStream", "LogoutLogs.Arn", ""),
            ("logs:PutLogEvents", "LogoutLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "PublicKeys", ""),
            ("secretsmanager:GetSecretValue", "RefreshKeys", ""),
            ("secretsmanager:GetSecretValue", "SigningKeys", "UpgradesKeys"),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "MailFunction",
        &[
            ("dynamodb:BatchGetItem", "Table.Arn", MAILS_AND_SUPPRESSIONS),
            ("dynamodb:DescribeStream", "Table.StreamArn", "HasStream"),
            ("dynamodb:GetRecords", "Table.StreamArn", "HasStream"),
            ("dynamodb:GetShardIterator", "Table.StreamArn", "HasStream"),
            ("dynamodb:ListStreams", "Table.StreamArn", "HasStream"),
            ("dynamodb:PutItem", "Table.Arn", SUPPRESSIONS),
            ("dynamodb:UpdateItem", "Table.Arn", MAILS_AND_LIMITS),
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("logs:CreateLogStream", "MailLogs.Arn", ""),
            ("logs:PutLogEvents", "MailLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "MailWebhookSecret", "MailsByWebhook"),
            ("secretsmanager:GetSecretValue", "ProofKey", ""),
            ("secretsmanager:GetSecretValue", "SmtpUrl", "MailsBySmtp"),
            (
                "ses:SendEmail",
                "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:configuration-set/${MailConfigurationSet}",
                "MailsBySes",
            ),
            (
                "ses:SendEmail",
                "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:identity/${MailDomain}",
                "MailsBySes",
            ),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "RefreshFunction",
        &[
            ("dynamodb:BatchGetItem", "Table.Arn", ACCOUNTS),
            ("dynamodb:UpdateItem", "Table.Arn", SESSIONS),
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("kms:GetPublicKey", "FirebaseKmsKeyArn", "SignsByKms"),
            ("kms:Sign", "FirebaseKmsKeyArn", SIGNATURES),
            ("logs:CreateLogStream", "RefreshLogs.Arn", ""),
            ("logs:PutLogEvents", "RefreshLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "FirebaseServiceAccount", "SignsByKey"),
            ("secretsmanager:GetSecretValue", "SharedSecret", "MintsSharedSecretTokens"),
            ("secretsmanager:GetSecretValue", "SigningKeys", ""),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "RotateKeysFunction",
        &[
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("kms:GenerateDataKey", "Key.Arn", "HasKey"),
            ("logs:CreateLogStream", "RotateKeysLogs.Arn", ""),
            ("logs:PutLogEvents", "RotateKeysLogs.Arn", ""),
            ("secretsmanager:DescribeSecret", "SigningKeys", ""),
            ("secretsmanager:GetSecretValue", "PublicKeys", ""),
            ("secretsmanager:GetSecretValue", "RefreshKeys", ""),
            ("secretsmanager:GetSecretValue", "SigningKeys", ""),
            ("secretsmanager:PutSecretValue", "PublicKeys", ""),
            ("secretsmanager:PutSecretValue", "RefreshKeys", ""),
            ("secretsmanager:PutSecretValue", "SigningKeys", ""),
            ("secretsmanager:UpdateSecretVersionStage", "PublicKeys", ""),
            ("secretsmanager:UpdateSecretVersionStage", "RefreshKeys", ""),
            ("secretsmanager:UpdateSecretVersionStage", "SigningKeys", ""),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "SyncFunction",
        &[
            ("dynamodb:BatchGetItem", "Table.Arn", OUTBOX_AND_ACCOUNTS),
            ("dynamodb:DeleteItem", "Table.Arn", ENDINGS_AND_EVENTS),
            ("dynamodb:DescribeStream", "Table.StreamArn", "HasStream"),
            ("dynamodb:GetRecords", "Table.StreamArn", "HasStream"),
            ("dynamodb:GetShardIterator", "Table.StreamArn", "HasStream"),
            ("dynamodb:ListStreams", "Table.StreamArn", "HasStream"),
            ("dynamodb:PutItem", "Table.Arn", ENDPOINTS),
            ("dynamodb:Query", ACCOUNTS_INDEX, LIST_OF_EVENTS),
            ("dynamodb:UpdateItem", "Table.Arn", EVENTS),
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("kms:GetPublicKey", "FirebaseKmsKeyArn", "SignsByKms"),
            ("kms:Sign", "FirebaseKmsKeyArn", SIGNATURES),
            ("logs:CreateLogStream", "SyncLogs.Arn", ""),
            ("logs:PutLogEvents", "SyncLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "EventWebhookSecret", "TellsWebhook"),
            ("secretsmanager:GetSecretValue", "FirebaseServiceAccount", "SignsByKey"),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "VerifyFunction",
        &[
            ("dynamodb:BatchGetItem", "Table.Arn", ACCOUNTS_AND_SESSIONS),
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("logs:CreateLogStream", "VerifyLogs.Arn", ""),
            ("logs:PutLogEvents", "VerifyLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "PublicKeys", ""),
            ("secretsmanager:GetSecretValue", "SharedSecret", "HasSharedSecret"),
            ("secretsmanager:GetSecretValue", "SigningKeys", "UpgradesKeys"),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
    (
        "WellKnownFunction",
        &[
            ("kms:Decrypt", "Key.Arn", "HasKey"),
            ("logs:CreateLogStream", "WellKnownLogs.Arn", ""),
            ("logs:PutLogEvents", "WellKnownLogs.Arn", ""),
            ("secretsmanager:GetSecretValue", "PublicKeys", ""),
            ("secretsmanager:GetSecretValue", "SigningKeys", "UpgradesKeys"),
            ("xray:PutTelemetryRecords", "*", ""),
            ("xray:PutTraceSegments", "*", ""),
        ],
    ),
];

/// The policy of the key. The account decides who may use the key. The table and the secrets use
/// the key. So does CloudWatch, for the logs of this stack and the topic of its alarms.
pub fn key_policy() -> Value {
    let logs = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:";
    json!({"Version": "2012-10-17", "Statement": [
        {
            "Sid": "Account",
            "Effect": "Allow",
            "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "Services",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
                "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
            ],
            "Resource": "*",
            "Condition": {"StringEquals": {
                "kms:CallerAccount": {"Ref": "AWS::AccountId"},
                "kms:ViaService": [
                    {"Fn::Sub": "dynamodb.${AWS::Region}.${AWS::URLSuffix}"},
                    {"Fn::Sub": "secretsmanager.${AWS::Region}.${AWS::URLSuffix}"},
                ],
            }},
        },
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Principal": {"Service": {"Fn::Sub": "logs.${AWS::Region}.${AWS::URLSuffix}"}},
            "Action": [
                "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
                "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
            ],
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": [
                {"Fn::Sub": format!("{logs}/${{AWS::StackName}}/*")},
                {"Fn::Sub": format!("{logs}/aws/vendedlogs/${{AWS::StackName}}/*")},
            ]}},
        },
        {
            "Sid": "Alarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
        },
    ]})
}

/// The policy of the alarms' topic. Alarms of this account publish, and nobody does without TLS.
pub fn topic_policy() -> Value {
    let alarms = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*";
    json!({"Topics": [{"Ref": "AlarmTopic"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [
        {
            "Sid": "Alarms",
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": {"Ref": "AlarmTopic"},
            "Condition": {
                "ArnLike": {"aws:SourceArn": {"Fn::Sub": alarms}},
                "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            },
        },
        {
            "Sid": "Tls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": {"Ref": "AlarmTopic"},
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]}})
}
