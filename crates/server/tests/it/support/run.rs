//! The real program, run until it ended.

use std::process::Output;

/// What a run that ended left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) errors: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
        Self { code: output.status.code(), output: stdout, errors: stderr }
    }
}

impl Run {
    /// Fails unless it ended with this code and wrote exactly this to its standard error.
    #[track_caller]
    pub(crate) fn is(&self, code: i32, errors: &str) {
        assert_eq!((self.code, self.errors.as_str()), (Some(code), errors), "{self:?}");
    }

    /// Fails unless it ended with this code and one line of complaint; returns the line without
    /// the program's name.
    #[track_caller]
    pub(crate) fn complaint(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.output, "", "{self:?}");
        let line = self.errors.strip_suffix('\n').filter(|line| !line.contains('\n'));
        line.and_then(|line| line.strip_prefix("fanfare: ")).unwrap_or_else(|| panic!("{self:?}"))
    }
}
