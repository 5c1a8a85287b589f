/// Pieces of plans made by hand.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/expr.h"
#include "cep/plan/plan.h"
#include "cep/value/value.h"

namespace tocsin::tests {
cep::Type type_of(cep::TypeKind kind);
cep::Type decimal_of(int scale);
cep::Type enum_of(std::vector<std::string> words);
/// At the path of its name.
cep::Field field_of(const std::string& name, const cep::Type& type);

cep::ExprPtr literal(const cep::Type& type, const cep::Value& value);
cep::ExprPtr int_literal(std::int64_t n);
cep::ExprPtr operation(cep::Op op, const cep::Type& type, std::vector<cep::ExprPtr> args);
/// An operation that gives a bool.
cep::ExprPtr condition(cep::Op op, std::vector<cep::ExprPtr> args);
/// All of them, flat; absent for none.
cep::ExprPtr all_of(const std::vector<cep::ExprPtr>& conditions);

/// A field by name over event types; nothing where one of them lacks it or has it with another
/// type.
std::optional<std::pair<cep::FieldRef, cep::Type>> find_field(
    const cep::Plan& plan, const std::vector<cep::EventTypeIndex>& types, std::string_view name);
/// A read of what find_field() found.
cep::ExprPtr field_read(const std::pair<cep::FieldRef, cep::Type>& found);
/// The key that random plans declare for all rules: `device` of logins and `card` of other events;
/// alerts hold it under its name.
inline constexpr const char* kDeclaredKey = "owner";
/// The same for what stands behind `by`: a field's name, or kDeclaredKey.
std::optional<std::pair<cep::FieldRef, cep::Type>> find_key_field(
    const cep::Plan& plan, const std::vector<cep::EventTypeIndex>& types, std::string_view name);
/// The event types of subsets, ascending, each once.
std::vector<cep::EventTypeIndex> types_of(const std::vector<cep::Subset>& subsets);
}  // namespace tocsin::tests
