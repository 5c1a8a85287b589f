#include "rules/syntax/same_tree.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "cep/value/value.h"

namespace tocsin::rules {
namespace {
using namespace tree;

// What of each part of a tree is compared: all but its spans.
auto fields(const Name& x) { return std::tie(x.text, x.quoted); }
auto fields(const Word& x) { return std::tie(x.text, x.string); }
auto fields(const StringLiteral& x) { return std::tie(x.text); }
auto fields(const IntLiteral& x) { return std::tie(x.value, x.text); }
auto fields(const DurationLiteral& x) { return std::tie(x.value, x.text); }
auto fields(const KindRef& x) { return std::tie(x.form, x.name); }
auto fields(const Kinds& x) { return std::tie(x.refs); }
auto fields(const Zone& x) { return std::tie(x.literal, x.path); }
auto fields(const Window& x) {
  return std::tie(x.form, x.duration, x.excluding, x.events, x.within, x.where, x.unit, x.zone,
                  x.every, x.needs, x.all);
}
auto fields(const AggregateParam& x) { return std::tie(x.form, x.expr, x.half_life); }
auto fields(const Unless& x) { return std::tie(x.rule); }
auto fields(const AggregateCall& x) {
  return std::tie(x.name, x.argument, x.subjects, x.of, x.where, x.unless, x.params, x.over);
}
auto fields(const Expr& x) {
  return std::tie(x.kind, x.args, x.name, x.literal, x.text, x.ignore_case, x.parenthesized,
                  x.aggregate);
}
auto fields(const Record::Entry& x) { return std::tie(x.name, x.value); }
auto fields(const Record& x) { return std::tie(x.entries); }
auto fields(const Use& x) { return std::tie(x.path); }
auto fields(const Allow& x) { return std::tie(x.warning, x.reason); }
auto fields(const TypeRef& x) { return std::tie(x.form, x.scale, x.words, x.optional, x.broken); }
auto fields(const Modifier& x) { return std::tie(x.kind, x.unit, x.duration, x.path); }
auto fields(const Field& x) { return std::tie(x.name, x.type, x.modifiers, x.computed); }
auto fields(const Event& x) { return std::tie(x.name, x.from, x.fields); }
auto fields(const Subset& x) { return std::tie(x.kind, x.where); }
auto fields(const Kind& x) { return std::tie(x.name, x.subsets); }
auto fields(const List& x) {
  return std::tie(x.name, x.form, x.scale, x.ignore_case, x.from, x.values);
}
auto fields(const Column& x) { return std::tie(x.name, x.type, x.list_of_string, x.network); }
auto fields(const Row& x) { return std::tie(x.keys, x.values); }
auto fields(const Table& x) { return std::tie(x.name, x.keys, x.columns, x.from, x.rows); }
auto fields(const Const& x) { return std::tie(x.name, x.value); }
auto fields(const Defaults& x) { return std::tie(x.event, x.values); }
auto fields(const Feature& x) { return std::tie(x.name, x.aggregate, x.by, x.window); }
auto fields(const FeatureEntry& x) {
  return std::tie(x.name, x.aggregate, x.argument, x.param, x.where, x.unless);
}
auto fields(const Features& x) { return std::tie(x.of, x.by, x.window, x.entries); }
auto fields(const Count& x) { return std::tie(x.min, x.max, x.or_more, x.mode, x.greedy); }
auto fields(const Until& x) { return std::tie(x.kinds, x.where); }
auto fields(const Step& x) {
  return std::tie(x.form, x.optional, x.count, x.kinds, x.as, x.where, x.until, x.patterns,
                  x.members);
}
auto fields(const Absence& x) { return std::tie(x.next, x.kinds, x.where, x.absent_for); }
auto fields(const Element& x) { return std::tie(x.link, x.within, x.body); }
auto fields(const Pattern& x) { return std::tie(x.elements); }
auto fields(const EventWindow& x) {
  return std::tie(x.session, x.kinds, x.duration, x.unit, x.zone, x.as, x.where);
}
auto fields(const WordClause& x) { return std::tie(x.word); }
auto fields(const StringClause& x) { return std::tie(x.text); }
auto fields(const WordsClause& x) { return std::tie(x.words); }
auto fields(const StringsClause& x) { return std::tie(x.texts); }
auto fields(const ExprClause& x) { return std::tie(x.expr); }
auto fields(const DurationClause& x) { return std::tie(x.duration); }
auto fields(const KindsClause& x) { return std::tie(x.kinds); }
auto fields(const StatusClause& x) { return std::tie(x.status); }
auto fields(const KeyMember& x) { return std::tie(x.kind, x.field, x.role); }
auto fields(const KeyPart& x) { return std::tie(x.name, x.members); }
auto fields(const Key& x) { return std::tie(x.part); }
auto fields(const ByClause& x) { return std::tie(x.parts); }
auto fields(const WhenClause& x) { return std::tie(x.what); }
auto fields(const WithoutClause& x) { return std::tie(x.kinds, x.where, x.absent_for); }
auto fields(const AfterClause& x) { return std::tie(x.strategy, x.var, x.in_order); }
auto fields(const AllowClause& x) { return std::tie(x.warning, x.reason); }
auto fields(const ExceptClause& x) { return std::tie(x.reason, x.where, x.expires); }
auto fields(const OnceClause& x) {
  return std::tie(x.form, x.duration, x.unit, x.zone, x.var, x.condition, x.for_each);
}
auto fields(const AtMostClause& x) { return std::tie(x.count, x.duration, x.for_each); }
auto fields(const MessagePart& x) { return std::tie(x.text, x.expr); }
auto fields(const AlertClause& x) { return std::tie(x.message, x.parts, x.fields); }
auto fields(const Rule& x) {
  return std::tie(x.name, x.title, x.id, x.description, x.owner, x.severity, x.tags, x.references,
                  x.false_positives, x.status, x.by, x.when, x.within, x.having, x.considering,
                  x.without, x.after, x.prefer_latest, x.excepts, x.once, x.at_most, x.allows,
                  x.alert, x.order);
}
auto fields(const TestLine& x) { return std::tie(x.offset, x.until, x.event, x.values); }
auto fields(const Expected& x) { return std::tie(x.times, x.at, x.fields); }
auto fields(const Test& x) {
  return std::tie(x.rule, x.title, x.starting, x.starting_text, x.lines, x.expected);
}
auto fields(const File& x) { return std::tie(x.items, x.broken); }

template <typename T>
concept HasFields = requires(const T& x) {
  fields(x);
};
template <typename T>
concept Pointer = requires(const T& x) {
  typename T::element_type;
  x.get();
};
template <typename T>
concept Optional = requires(const T& x) {
  x.has_value();
};
template <typename T>
concept Sequence = requires(const T& x) {
  typename T::value_type;
  x.begin();
};
template <typename T>
concept Choice = requires(const T& x) {
  x.valueless_by_exception();
};

bool same_values(const cep::Value& a, const cep::Value& b) {
  return a.kind == b.kind && cep::to_text(a) == cep::to_text(b);
}

template <typename T>
bool same(const T& a, const T& b) {
  if constexpr (HasFields<T>) {
    const auto left = fields(a);
    const auto right = fields(b);
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return (same(std::get<I>(left), std::get<I>(right)) && ...);
    }
    (std::make_index_sequence<std::tuple_size_v<decltype(left)>>{});
  } else if constexpr (std::is_same_v<T, SourceSpan> || std::is_same_v<T, Clause>) {
    return true;  // where it stands, and what has nothing else
  } else if constexpr (std::is_same_v<T, cep::OwnedValue>) {
    return same_values(a.view(), b.view());
  } else if constexpr (Pointer<T>) {
    return (a == nullptr) == (b == nullptr) && (a == nullptr || same(*a, *b));
  } else if constexpr (Optional<T>) {
    return a.has_value() == b.has_value() && (!a || same(*a, *b));
  } else if constexpr (Choice<T>) {
    return a.index() == b.index() && std::visit(
                                         [&](const auto& left) {
                                           using Held = std::decay_t<decltype(left)>;
                                           return same(left, std::get<Held>(b));
                                         },
                                         a);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return a == b;
  } else if constexpr (Sequence<T>) {
    return std::ranges::equal(a, b, [](const auto& x, const auto& y) { return same(x, y); });
  } else {
    return a == b;
  }
}
}  // namespace

bool same_tree(const tree::File& a, const tree::File& b) { return same(a, b); }
}  // namespace tocsin::rules
