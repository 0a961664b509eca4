//! Records of the domain name system.

use std::{net::SocketAddr, time::Duration};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{RData, RecordType},
};

/// The longest wait for one answer. There are two attempts.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// A resolver.
pub struct Dns(TokioResolver);

impl Dns {
    /// A resolver that asks this server, or else those of the system.
    ///
    /// # Errors
    ///
    /// A sentence for people: the system's settings cannot be read.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, String> {
        let mut builder = match server {
            Some(server) => {
                let ways = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
                let ways = ways.into_iter().map(|mut way| {
                    way.port = server.port();
                    way
                });
                let server = NameServerConfig::new(server.ip(), true, ways.collect());
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio().map_err(|error| error.to_string())?,
        };
        builder.options_mut().timeout = WAIT_MAX;
        builder.build().map(Self).map_err(|error| error.to_string())
    }

    /// The texts of a name, none if there are none.
    ///
    /// # Errors
    ///
    /// A clause: no server answers.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let text = |data: RData| match data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        };
        Ok(self.records(name, RecordType::TXT).await?.into_iter().filter_map(text).collect())
    }

    /// The other name that a name stands for, in small letters.
    ///
    /// # Errors
    ///
    /// As [`Dns::texts`].
    pub async fn alias(&self, name: &str) -> Result<Option<String>, String> {
        let alias = |data: RData| match data {
            RData::CNAME(other) => Some(plain(&other.0.to_utf8())),
            _ => None,
        };
        Ok(self.records(name, RecordType::CNAME).await?.into_iter().find_map(alias))
    }

    /// The servers that accept the mails of a domain, in small letters.
    ///
    /// # Errors
    ///
    /// As [`Dns::texts`].
    pub async fn mail_servers(&self, name: &str) -> Result<Vec<String>, String> {
        let server = |data: RData| match data {
            RData::MX(server) => Some(plain(&server.exchange.to_utf8())),
            _ => None,
        };
        Ok(self.records(name, RecordType::MX).await?.into_iter().filter_map(server).collect())
    }

    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, String> {
        // A dot at the end keeps the search domains of the system out.
        match self.0.lookup(format!("{name}."), kind).await {
            Ok(found) => Ok(found.answers().iter().map(|record| record.data.clone()).collect()),
            Err(error) if is_nothing(&error) => Ok(Vec::new()),
            Err(error) => Err(format!("no DNS server answers for {name}: {error}")),
        }
    }
}

fn is_nothing(error: &NetError) -> bool {
    error.is_no_records_found() || error.is_nx_domain()
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
