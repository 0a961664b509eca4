//! Runs `latchkey serve --external-dynamodb`: several processes over one table.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;
use shared::testing::server::{Server, command, dynamodb_at, free_port};
use tempfile::TempDir;

use super::{credentials, refused};

/// A server that uses the DynamoDB at this port.
fn external(folder: &Path, port: u16) -> Command {
    let mut external = command(folder);
    external.arg("--external-dynamodb").envs(dynamodb_at(port)).env("ISSUER", "https://login.example");
    external
}

/// Starts the server that has the table, and opens the table to other programs. Returns their port
/// too.
fn with_table(folder: &Path) -> (Server, u16) {
    let port = free_port();
    (Server::spawn(command(folder).args(["--dynamodb-port", &port.to_string()])), port)
}

#[test]
fn several_servers_share_one_table_and_the_keys_of_one_folder_that_they_make_once() {
    let (tables, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (_table, port) = with_table(tables.path());
    // All start at once, on an empty folder.
    let data = folder.path().join("new");
    let starting: Vec<Child> = (0..3).map(|_| external(&data, port).stdout(Stdio::piped()).spawn().unwrap()).collect();
    let servers: Vec<Server> = starting.into_iter().map(Server::of).collect();

    let (status, created) = servers[0].post("/create-account", &credentials());
    assert_eq!(status, 201, "{created}");
    let mut token = created["refresh_token"].clone();
    for server in servers.iter().rev() {
        let (status, login) = server.post("/login", &credentials());
        assert_eq!((status, &login["uid"]), (200, &created["uid"]));
        let (status, refreshed) = server.post("/refresh", &json!({"refresh_token": token}));
        assert_eq!(status, 200, "{refreshed}");
        token = refreshed["refresh_token"].clone();
        for other in &servers {
            let (status, verified) = other.post("/verify?check_revoked=true", &json!({"token": login["access_token"]}));
            assert_eq!((status, &verified["uid"]), (200, &created["uid"]), "{verified}");
        }
    }
    assert_eq!(servers[1].post("/logout", &json!({"refresh_token": token, "everywhere": true})).0, 200);
    assert_eq!(servers[0].post("/refresh", &json!({"refresh_token": token})).0, 401);

    let mut files: Vec<String> =
        fs::read_dir(&data).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let expected =
        ["firebase-service-account.json", "proof-key", "public-keys.json", "refresh-keys.json", "signing-keys.json"];
    assert_eq!(files, expected, "keys alone, and no second try of any");
}

#[test]
fn a_server_with_the_embedded_table_and_others_beside_it_share_a_folder_too() {
    let folder = TempDir::new().unwrap();
    let (table, port) = with_table(folder.path());
    let beside = Server::spawn(&mut external(folder.path(), port));
    let (_, created) = table.post("/create-account", &credentials());
    assert_eq!(beside.post("/refresh", &json!({"refresh_token": created["refresh_token"]})).0, 200);
    let (status, login) = beside.post("/login", &credentials());
    assert_eq!(status, 200, "{login}");
    assert_eq!(table.post("/refresh", &json!({"refresh_token": login["refresh_token"]})).0, 200);
}

#[test]
fn a_table_that_is_not_there_or_not_ours_is_refused_at_start_and_not_made() {
    let (tables, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (_table, port) = with_table(tables.path());
    for _ in 0..2 {
        let missing = external(folder.path(), port).env("TABLE_NAME", "another").output().unwrap();
        let sentence = refused(1, &missing);
        assert!(sentence.contains("another: ") && sentence.contains("Check TABLE_NAME"), "{sentence}");
    }
    let endpoint = format!("http://127.0.0.1:{port}");
    let wrong = tokio::runtime::Runtime::new().unwrap().block_on(async {
        use aws_sdk_dynamodb::{Client, config, types};
        let config = config::Builder::new()
            .behavior_version(config::BehaviorVersion::v2026_01_12())
            .region(config::Region::from_static("eu-central-1"))
            .credentials_provider(config::Credentials::new("any", "any", None, None, "test"))
            .endpoint_url(endpoint);
        let key = types::KeySchemaElement::builder().attribute_name("id").key_type(types::KeyType::Hash);
        let id = types::AttributeDefinition::builder()
            .attribute_name("id")
            .attribute_type(types::ScalarAttributeType::S)
            .build();
        let create = Client::from_conf(config.build()).create_table().table_name("wrong");
        let create = create.billing_mode(types::BillingMode::PayPerRequest).key_schema(key.build().unwrap());
        create.attribute_definitions(id.unwrap()).send().await.unwrap();
        external(folder.path(), port).env("TABLE_NAME", "wrong").output().unwrap()
    });
    let sentence = refused(1, &wrong);
    assert!(sentence.contains("wrong: its key is not pk alone") && sentence.contains("template.yaml"), "{sentence}");

    let sentence = refused(1, &external(folder.path(), free_port()).output().unwrap());
    assert!(sentence.contains("latchkey: The table cannot be used: latchkey: DynamoDB"), "{sentence}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is made for a server that does not start");
}

#[test]
fn only_the_embedded_table_is_opened_to_other_programs() {
    let folder = TempDir::new().unwrap();
    let both = external(folder.path(), 1).args(["--dynamodb-port", "2"]).output().unwrap();
    assert!(refused(2, &both).contains("cannot be used with"));
}
