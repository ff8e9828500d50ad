//! Both engines have the same logical schema.

use std::collections::BTreeSet;

use fanfare_store::testing::{TestDatabase, texts};

use crate::support::read;

/// Table, column, type and whether it may be null; a primary key may not.
const SQLITE_COLUMNS: &str = "select t.name, c.name, c.type, \
     case when c.\"notnull\" = 1 or c.pk > 0 then 'no' else 'yes' end \
     from sqlite_master t join pragma_table_info(t.name) c \
     where t.type = 'table' and t.name not like 'sqlite_%' and t.name <> 'fanfare_migrations'";
const POSTGRES_COLUMNS: &str = "select table_name::text, column_name::text, data_type::text, \
     lower(is_nullable::text) from information_schema.columns \
     where table_schema = current_schema() and table_name <> 'fanfare_migrations'";

/// Table, whether unique, whether partial, and columns in their order; primary keys left out.
const SQLITE_INDEXES: &str = "select t.name, case when i.\"unique\" = 1 then 'unique' else '' end, \
     case when i.partial = 1 then 'partial' else '' end, \
     (select group_concat(name) from (select name from pragma_index_info(i.name) order by seqno)) \
     from sqlite_master t join pragma_index_list(t.name) i \
     where t.type = 'table' and t.name <> 'fanfare_migrations' and i.origin = 'c'";
const POSTGRES_INDEXES: &str = "select t.relname::text, case when i.indisunique then 'unique' else '' end, \
     case when i.indpred is not null then 'partial' else '' end, \
     (select string_agg(a.attname::text, ',' order by k.place) \
      from unnest(i.indkey::int[]) with ordinality k (number, place) \
      join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number) \
     from pg_index i join pg_class t on t.oid = i.indrelid \
     join pg_namespace n on n.oid = t.relnamespace and n.nspname = current_schema() \
     where not i.indisprimary and t.relname <> 'fanfare_migrations'";

/// Table, primary key's columns in order.
const SQLITE_KEYS: &str = "select t.name, (select group_concat(name) from \
     (select name from pragma_table_info(t.name) where pk > 0 order by pk)) \
     from sqlite_master t where t.type = 'table' and t.name not like 'sqlite_%' \
     and t.name <> 'fanfare_migrations'";
const POSTGRES_KEYS: &str = "select t.relname::text, \
     (select string_agg(a.attname::text, ',' order by k.place) \
      from unnest(i.indkey::int[]) with ordinality k (number, place) \
      join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number) \
     from pg_index i join pg_class t on t.oid = i.indrelid \
     join pg_namespace n on n.oid = t.relnamespace and n.nspname = current_schema() \
     where i.indisprimary and t.relname <> 'fanfare_migrations'";

/// Table, column, table that it refers to.
const SQLITE_REFERENCES: &str = "select t.name, f.\"from\", f.\"table\" from sqlite_master t \
     join pragma_foreign_key_list(t.name) f where t.type = 'table'";
const POSTGRES_REFERENCES: &str = "select t.relname::text, a.attname::text, f.relname::text \
     from pg_constraint c join pg_class t on t.oid = c.conrelid join pg_class f on f.oid = c.confrelid \
     join pg_attribute a on a.attrelid = t.oid and a.attnum = c.conkey[1] where c.contype = 'f'";

#[tokio::test]
async fn the_two_schemas_are_the_same() {
    let (sqlite, _sqlite_commits) = {
        let database = TestDatabase::sqlite();
        let opened = database.open();
        (opened.0, (opened.1, database))
    };
    let postgres_database = TestDatabase::postgres();
    let (postgres, _postgres_commits) = postgres_database.open();
    for (what, of_sqlite, of_postgres, columns, least) in [
        ("columns", SQLITE_COLUMNS, POSTGRES_COLUMNS, 4, 89),
        ("indexes", SQLITE_INDEXES, POSTGRES_INDEXES, 4, 12),
        ("primary keys", SQLITE_KEYS, POSTGRES_KEYS, 2, 12),
        ("references", SQLITE_REFERENCES, POSTGRES_REFERENCES, 3, 3),
    ] {
        let of_sqlite = read(&sqlite, move |db| texts(db, of_sqlite, columns)).await;
        // The only key that SQLite numbers by itself is declared as `integer`.
        let of_sqlite: BTreeSet<_> = of_sqlite
            .into_iter()
            .map(|row| row.into_iter().map(|text| text.to_lowercase().replace("integer", "bigint")).collect())
            .collect::<BTreeSet<Vec<String>>>();
        let of_postgres = read(&postgres, move |db| texts(db, of_postgres, columns)).await;
        let of_postgres: BTreeSet<_> = of_postgres.into_iter().collect();
        assert_eq!(of_sqlite, of_postgres, "{what}");
        assert!(of_sqlite.len() >= least, "{what}: {}", of_sqlite.len());
    }
}

#[tokio::test]
async fn texts_are_compared_by_their_bytes() {
    let database = TestDatabase::postgres();
    let (store, _commits) = database.open();
    let others = "select table_name::text, column_name::text from information_schema.columns \
                  where table_schema = current_schema() and table_name <> 'fanfare_migrations' \
                  and data_type = 'text' and coalesce(collation_name, '') <> 'C'";
    assert_eq!(read(&store, move |db| texts(db, others, 2)).await, Vec::<Vec<String>>::new());
}
