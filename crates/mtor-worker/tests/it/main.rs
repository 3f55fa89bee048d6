//! Workers against a broker that speaks the real protocol on loopback.

mod broker;
mod leaving;
mod refusals;
mod running;
mod scripted;
