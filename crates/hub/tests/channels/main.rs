//! Topics that the hub counts: members, histories, forms. Seen from outside.

mod behaviour;
mod handing_out;
mod model;
mod play;
mod support;
mod threads;
