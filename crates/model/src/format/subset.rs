//! Which templates are allowed.
//!
//! The engine counts the steps that a template takes, but some of its steps have no bound of their own:
//! a list that holds a list twice, which holds another one twice, is small, and writing it takes for ever;
//! comparing two long lists is one step; and its parser recurses as deep as an expression is long. So a
//! template may have no way to build such lists, nothing that compares two, and no endless expressions.
//! What is left reads the event, chooses, repeats and writes.

use minijinja::{
    machinery::{
        Token,
        ast::{BinOp, BinOpKind, CallArg, Expr, Stmt},
        parse, tokenize,
    },
    syntax::SyntaxConfig,
};

use super::template::{InvalidTemplate, message};
use crate::limits::{TEMPLATE_DEPTH_MAX, TEMPLATE_TAG_MAX_TOKENS};

/// Filters that give a single value whatever they are given.
pub(super) const SCALAR_FILTERS: &[&str] = &[
    "abs", "float", "int", "join", "length", "lower", "replace", "round", "safe", "tojson", "trim",
    "truncate", "upper",
];
/// Filters that may give a list or a map.
pub(super) const OTHER_FILTERS: &[&str] = &["default", "first", "last"];
pub(super) const TESTS: &[&str] = &[
    "defined",
    "undefined",
    "none",
    "true",
    "false",
    "boolean",
    "number",
    "integer",
    "float",
    "string",
    "sequence",
    "mapping",
    "startingwith",
    "endingwith",
    "odd",
    "even",
];

/// # Errors
/// The first thing in `source` that a template must not hold, or cannot be understood.
pub(super) fn check(source: &str) -> Result<(), InvalidTemplate> {
    let fault = |error: &minijinja::Error| InvalidTemplate::Line {
        line: error.line().unwrap_or(1),
        what: message(error),
    };
    let mut tokens_left = TEMPLATE_TAG_MAX_TOKENS;
    for token in tokenize(source, false, SyntaxConfig::default()) {
        let (token, span) = token.map_err(|error| fault(&error))?;
        tokens_left = match token {
            Token::TemplateData(_) | Token::VariableStart | Token::BlockStart => TEMPLATE_TAG_MAX_TOKENS,
            _ => tokens_left.checked_sub(1).ok_or_else(|| {
                refused(
                    span.start_line,
                    format!("more than {TEMPLATE_TAG_MAX_TOKENS} words and signs in a tag"),
                )
            })?,
        };
    }
    let template = parse(source, "template", SyntaxConfig::default()).map_err(|error| fault(&error))?;
    statement(&template, TEMPLATE_DEPTH_MAX)
}

fn refused(line: u16, what: impl Into<String>) -> InvalidTemplate {
    InvalidTemplate::Line { line: usize::from(line).max(1), what: what.into() }
}

fn statements(list: &[Stmt<'_>], depth_left: usize) -> Result<(), InvalidTemplate> {
    list.iter().try_for_each(|one| statement(one, depth_left))
}

fn statement(stmt: &Stmt<'_>, depth_left: usize) -> Result<(), InvalidTemplate> {
    let deeper = |line: u16| {
        depth_left
            .checked_sub(1)
            .ok_or_else(|| refused(line, format!("tags nested more than {TEMPLATE_DEPTH_MAX} deep")))
    };
    match stmt {
        Stmt::Template(all) => statements(&all.children, depth_left),
        Stmt::EmitRaw(_) => Ok(()),
        Stmt::EmitExpr(emitted) => expression(&emitted.expr),
        Stmt::Set(set) => assigned(&set.target).and_then(|()| expression(&set.expr)),
        Stmt::IfCond(choice) => {
            let depth_left = deeper(choice.span().start_line)?;
            expression(&choice.expr)?;
            statements(&choice.true_body, depth_left)?;
            statements(&choice.false_body, depth_left)
        }
        Stmt::ForLoop(repeated) => {
            let line = repeated.span().start_line;
            if repeated.recursive {
                return Err(refused(line, "recursive loops are not supported"));
            }
            let depth_left = deeper(line)?;
            expression(&repeated.iter)?;
            repeated.filter_expr.as_ref().map_or(Ok(()), expression)?;
            statements(&repeated.body, depth_left)?;
            statements(&repeated.else_body, depth_left)
        }
        Stmt::SetBlock(tag) => Err(unsupported(tag.span().start_line, "set without =")),
        Stmt::WithBlock(tag) => Err(unsupported(tag.span().start_line, "with")),
        Stmt::AutoEscape(tag) => Err(unsupported(tag.span().start_line, "autoescape")),
        Stmt::FilterBlock(tag) => Err(unsupported(tag.span().start_line, "filter as a tag")),
        Stmt::Do(tag) => Err(unsupported(tag.span().start_line, "do")),
    }
}

fn unsupported(line: u16, what: &str) -> InvalidTemplate {
    refused(line, format!("{what} is not supported"))
}

/// A plain name; several would make a list of what is assigned.
fn assigned(target: &Expr<'_>) -> Result<(), InvalidTemplate> {
    match target {
        Expr::Var(_) => Ok(()),
        other => Err(refused(other.span().start_line, "only a name can be set")),
    }
}

/// The depth of an expression is bounded by the words and signs of its tag.
fn expression(expr: &Expr<'_>) -> Result<(), InvalidTemplate> {
    let line = expr.span().start_line;
    match expr {
        Expr::Var(_) | Expr::Const(_) => Ok(()),
        Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => match expr.as_const() {
            Some(_) => Ok(()),
            None => Err(refused(line, "lists and maps can hold constants only")),
        },
        // One of a slice of a slice of a long list takes as many steps as there are items and slices.
        Expr::Slice(_) => Err(refused(line, "slices are not supported; texts are cut by truncate")),
        Expr::UnaryOp(op) => expression(&op.expr),
        Expr::BinOp(op) => {
            expression(&op.left)?;
            expression(&op.right)?;
            operation(op, line)
        }
        Expr::Compare(chain) => {
            let operands: Vec<_> =
                [&chain.expr].into_iter().chain(chain.ops.iter().map(|op| &op.expr)).collect();
            operands.iter().try_for_each(|operand| expression(operand))?;
            operands.windows(2).try_for_each(|pair| comparison(pair[0], pair[1], line))
        }
        Expr::IfExpr(choice) => {
            expression(&choice.test_expr)?;
            expression(&choice.true_expr)?;
            choice.false_expr.as_ref().map_or(Ok(()), expression)
        }
        Expr::Filter(filter) => {
            if !SCALAR_FILTERS.contains(&filter.name) && !OTHER_FILTERS.contains(&filter.name) {
                return Err(refused(line, format!("there is no filter {}", filter.name)));
            }
            filter.expr.as_ref().map_or(Ok(()), expression)?;
            arguments(&filter.args, line)
        }
        Expr::Test(test) => {
            if !TESTS.contains(&test.name) {
                return Err(refused(line, format!("there is no test {}", test.name)));
            }
            expression(&test.expr)?;
            arguments(&test.args, line)
        }
        Expr::GetAttr(part) => expression(&part.expr),
        Expr::GetItem(part) => {
            expression(&part.expr)?;
            expression(&part.subscript_expr)
        }
        Expr::Call(_) => Err(refused(line, "functions are not supported")),
    }
}

/// What two lists must not do. The operands have been looked at.
fn operation(op: &BinOp<'_>, line: u16) -> Result<(), InvalidTemplate> {
    let scalars = usize::from(is_scalar(&op.left)) + usize::from(is_scalar(&op.right));
    match op.op {
        BinOpKind::Add if scalars < 1 => Err(refused(
            line,
            "+ needs a constant or the result of a filter on one side; texts are joined by ~",
        )),
        BinOpKind::Mul if scalars < 2 => {
            Err(refused(line, "* needs constants or results of filters, such as x|int, on both sides"))
        }
        BinOpKind::Eq
        | BinOpKind::Ne
        | BinOpKind::In
        | BinOpKind::Lt
        | BinOpKind::Lte
        | BinOpKind::Gt
        | BinOpKind::Gte => comparison(&op.left, &op.right, line),
        _ => Ok(()),
    }
}

fn comparison(left: &Expr<'_>, right: &Expr<'_>, line: u16) -> Result<(), InvalidTemplate> {
    if [left, right].iter().any(|side| is_scalar(side) || side.as_const().is_some()) {
        return Ok(());
    }
    Err(refused(line, "a comparison needs a constant or the result of a filter, such as x|trim, on one side"))
}

fn arguments(args: &[CallArg<'_>], line: u16) -> Result<(), InvalidTemplate> {
    args.iter().try_for_each(|arg| match arg {
        CallArg::Pos(expr) | CallArg::Kwarg(_, expr) => expression(expr),
        CallArg::PosSplat(_) | CallArg::KwargSplat(_) => Err(unsupported(line, "* before an argument")),
    })
}

/// Whether the value is a text, a number or the like, and no list or map, whatever the event holds.
fn is_scalar(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::Const(constant) => constant.value.as_object().is_none(),
        Expr::UnaryOp(_) | Expr::Compare(_) | Expr::Test(_) => true,
        Expr::BinOp(op) => match op.op {
            BinOpKind::ScAnd | BinOpKind::ScOr | BinOpKind::Mul => {
                is_scalar(&op.left) && is_scalar(&op.right)
            }
            // Of two lists, a list; of a list and something else, an error.
            BinOpKind::Add => is_scalar(&op.left) || is_scalar(&op.right),
            _ => true,
        },
        Expr::IfExpr(choice) => {
            is_scalar(&choice.true_expr) && choice.false_expr.as_ref().is_some_and(is_scalar)
        }
        // Some give what they were told to give instead.
        Expr::Filter(filter) => {
            let is_scalar_argument = |arg: &CallArg<'_>| match arg {
                CallArg::Pos(expr) | CallArg::Kwarg(_, expr) => is_scalar(expr),
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => false,
            };
            SCALAR_FILTERS.contains(&filter.name) && filter.args.iter().all(is_scalar_argument)
        }
        _ => false,
    }
}
