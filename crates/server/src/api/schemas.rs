//! Schemas that several resources share.

use serde_json::json;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Object, ObjectBuilder, RefOr, Schema,
        schema::{AllOfBuilder, AnyOfBuilder, OneOfBuilder, Type},
    },
};

/// A boolean as requests may write it: `true`, `false`, `0` or `1`.
pub(super) struct Switch;

impl PartialSchema for Switch {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::Boolean))
            .item(ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([0, 1])))
            .examples([json!(true)])
            .into()
    }
}

impl ToSchema for Switch {}

/// A positive integer that may as well be anything else, which is answered and not refused.
pub(super) struct AnyNumber;

impl PartialSchema for AnyNumber {
    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        AnyOfBuilder::new().item(id).item(Object::with_type(Type::String)).examples([json!(5)]).into()
    }
}

impl ToSchema for AnyNumber {}

/// `fields`, of which at least one must be there.
pub(super) fn at_least_one<const N: usize>(fields: RefOr<Schema>, names: [&str; N]) -> RefOr<Schema> {
    let one = |any: AnyOfBuilder, name: &str| any.item(ObjectBuilder::new().required(name));
    let any = names.into_iter().fold(AnyOfBuilder::new(), one);
    AllOfBuilder::new().item(fields).item(Schema::AnyOf(any.build())).into()
}
