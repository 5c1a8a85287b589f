/// The grammar's functions, by construct. Each reads one construct at the current token and reports
/// its mistakes; what could not be read is left out, and the context is broken or panics.
#pragma once
#include <optional>
#include <string_view>

#include "rules/parse/parse_context.h"

namespace tocsin::rules {
// ---- declarations
/// The declaration that `keyword`, the current token, begins; false when it begins none.
bool parse_declaration_by_name(ParseContext& p, tree::File& file, std::string_view keyword);
/// Takes the keyword of a declaration.
void begin_declaration(ParseContext& p, tree::Declaration& declaration);
/// Says where it ends and whether it is broken.
void finish_declaration(ParseContext& p, tree::Declaration& declaration);
tree::Use parse_use(ParseContext& p);
tree::Allow parse_allow(ParseContext& p);
tree::Event parse_event(ParseContext& p);
tree::TypeRef parse_type(ParseContext& p);
tree::Kind parse_kind(ParseContext& p);
tree::Key parse_key(ParseContext& p);
tree::List parse_list_declaration(ParseContext& p);
tree::Table parse_table(ParseContext& p);
tree::Const parse_const(ParseContext& p);
tree::Defaults parse_defaults(ParseContext& p);
tree::Feature parse_feature(ParseContext& p);
tree::Features parse_features(ParseContext& p);
tree::Rule parse_rule(ParseContext& p);
tree::Test parse_test(ParseContext& p);

// ---- clauses of a rule
/// The clause that `keyword`, the current token, begins; false when it begins none.
bool parse_clause_by_name(ParseContext& p, tree::Rule& rule, std::string_view keyword);
/// A word that begins no clause: reported, and read as what was meant if that is plain. `before`: a
/// word before it that goes with it.
void unknown_clause(ParseContext& p, tree::Rule& rule,
                    std::optional<SourceSpan> before = std::nullopt);
/// `payment.card | login.user as sender`, behind the `=` of a key.
void parse_key_members(ParseContext& p, tree::KeyPart& part);
void parse_alert(ParseContext& p, tree::AlertClause& clause);
/// What is behind `allow`.
void parse_suppressed_warning(ParseContext& p, tree::Name& warning, tree::StringLiteral& reason);

// ---- patterns
tree::KindRef parse_kindref(ParseContext& p);
tree::Kinds parse_kinds(ParseContext& p);
tree::Pattern parse_pattern(ParseContext& p);
/// `session of …` or `tumbling …`; absent at anything else.
std::optional<tree::EventWindow> parse_event_window(ParseContext& p);

// ---- expressions
tree::ExprPtr parse_expr(ParseContext& p);
/// `if … then … else …`.
tree::ExprPtr parse_choice(ParseContext& p);
tree::ExprPtr parse_conjunction(ParseContext& p);
tree::ExprPtr parse_negation(ParseContext& p);
tree::ExprPtr parse_comparison(ParseContext& p);
tree::ExprPtr parse_sum(ParseContext& p);
tree::ExprPtr parse_unary(ParseContext& p);
tree::ExprPtr parse_primary(ParseContext& p);
/// True if an operand begins here. A keyword with something behind it that no operand has behind it
/// belongs to what follows: the operand is missing.
bool at_operand(ParseContext& p);
/// Reports and takes a `)` or `]` that nothing opened.
void stray_closers(ParseContext& p);
/// The value of a declaration: a literal, a name or a list of them.
tree::ExprPtr parse_literal(ParseContext& p);
tree::ExprPtr parse_literal_token(ParseContext& p);
/// `{ name: value, … }`, with literals or expressions as values.
tree::Record parse_record(ParseContext& p, bool literals);
/// `where CONDITION`, null if there is none. `keyword` is where the word is.
tree::ExprPtr parse_where(ParseContext& p, SourceSpan* keyword);

// ---- aggregates
bool at_aggregate(ParseContext& p);
tree::ExprPtr parse_aggregate(ParseContext& p, bool with_over);
tree::AggregateParam parse_aggregate_param(ParseContext& p);
std::optional<tree::Unless> parse_unless(ParseContext& p);
tree::Window parse_window(ParseContext& p);
tree::Zone parse_zone(ParseContext& p);
}  // namespace tocsin::rules
