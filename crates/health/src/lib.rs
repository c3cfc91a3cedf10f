//! Cooldown, probe and ramp of one deployment, as a pure state machine.
