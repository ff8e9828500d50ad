//! A shop with Fanfare inside.

use anyhow::{Context, Result};
use fanfare::{
    AuthRequest, ChannelAuthorizer, Denied, Endpoint, Member, Server, Webhooks, config::Config, timers::Clock,
};
use serde_json::{Value, json};

/// Before the name of a customer: the channel on which his orders are told.
const ORDERS: &str = "private-orders.";
/// Where everybody sees who is in the shop.
const SHOP: &str = "presence-shop";

/// The shop, and the server inside it.
pub struct Shop {
    server: Server,
}

impl Shop {
    /// Opens the shop; `hook` is told of every order that is sent, and of who comes and leaves.
    ///
    /// # Errors
    /// The server's, and for a URL that is none.
    pub async fn open(mut config: Config, hook: Option<&str>) -> Result<Self> {
        config.channels.authorizer = Some(ChannelAuthorizer::new(|request| async move { judge(&request) }));
        let server = Server::start(config, Clock::real()).await?;
        if let Some(hook) = hook {
            let endpoint = Endpoint::new(hook, ["order.shipped", "presence_join", "presence_leave"]);
            server.webhooks().register(endpoint).await.context("the webhook")?;
        }
        Ok(Self { server })
    }

    /// Where it is open.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Tells a customer, and whoever else asked for it, that an order is on its way.
    ///
    /// # Errors
    /// For a customer whose name no channel can have, and while the database cannot be used.
    pub async fn ship(&self, customer: &str, order: u64) -> Result<()> {
        let data = json!({ "order": order });
        self.server.channels().publish(&format!("{ORDERS}{customer}"), "OrderShipped", &data).await?;
        // The channel is told at once and for once; a webhook is told until it has heard.
        let webhooks: Webhooks = self.server.webhooks();
        webhooks.fire("order.shipped", &json!({ "order": order, "customer": customer })).await?;
        Ok(())
    }

    /// Who is in the shop.
    ///
    /// # Errors
    /// None that can happen to a channel of ours.
    pub fn visitors(&self) -> Result<Vec<String>> {
        let members = self.server.channels().members(SHOP)?;
        Ok(members.into_iter().map(|member| member.id).collect())
    }

    /// Closes the shop.
    pub async fn close(self) {
        self.server.stop().await;
    }
}

/// Who may subscribe to what. `claims` are those of a token that the server has checked.
fn judge(request: &AuthRequest) -> Result<Option<Member>, Denied> {
    let claims = request.claims.as_ref().ok_or(Denied::Unauthorized)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let visitor = text("sub").ok_or(Denied::Unauthorized)?;
    if &*request.channel == SHOP {
        let info = text("name").map(|name| json!({ "name": name }).to_string());
        return Ok(Some(Member { id: visitor.to_owned(), info }));
    }
    let is_staff = text("role") == Some("staff");
    match request.channel.strip_prefix(ORDERS) {
        Some(customer) if customer == visitor || is_staff => Ok(None),
        _ => Err(Denied::Unauthorized),
    }
}
