//! What is told is written, once and in order.
