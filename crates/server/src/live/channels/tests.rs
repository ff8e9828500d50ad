//! The connections of channels, tried with a dialect that only echoes.

mod echo;
mod frames;
