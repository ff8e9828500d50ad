//! The flags of the settings, made from the table of keys. What a value must look like is judged
//! where files and variables are judged, not here.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::KEYS;

/// What the flags say, by the name of their key.
pub(super) struct SettingFlags(pub(super) BTreeMap<&'static str, String>);

impl clap::Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        command.args(KEYS.iter().filter_map(|key| {
            let flag = key.flag.as_ref()?;
            let names: Vec<String> =
                std::iter::once(key.env()).chain(key.also_env.map(str::to_owned)).collect();
            let default = match key.unset {
                "" => String::new(),
                unset => format!(" [default: {unset}]"),
            };
            let arg = Arg::new(key.name)
                .long(flag.name)
                .value_name(flag.value)
                .help(format!("{} [env: {}]{default}", key.doc, names.join(", ")))
                .help_heading("Settings")
                .action(ArgAction::Set)
                .global(true);
            Some(arg)
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let value = |name: &'static str| Some((name, matches.get_one::<String>(name)?.clone()));
        let with_flag = KEYS.iter().filter(|key| key.flag.is_some());
        Ok(Self(with_flag.filter_map(|key| value(key.name)).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.append(&mut Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}
