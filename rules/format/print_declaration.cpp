// Declarations of what rules speak of: events, kinds, lists, tables, features.
#include "rules/format/print_parts.h"

namespace tocsin::rules {
using tree::ExprPtr;
namespace {
void print_names(TokenPrinter& p, const std::vector<tree::Name>& names) {
  p.comma_list(names, [&](const tree::Name& each) { p.name(each); });
}

void print_type(TokenPrinter& p, const tree::TypeRef& type) {
  constexpr const char* kWords[] = {"bool", "int",  "float",    "decimal", "string",
                                    "time", "date", "duration", "enum"};
  p.mark(kWords[static_cast<std::size_t>(type.form)]);
  if (type.scale) {
    p.mark("(");
    p.integer(*type.scale);
    p.mark(")");
  }
  if (type.form == tree::TypeForm::kEnum) {
    p.tuple(type.words, [&](const tree::Word& each) { p.name(each); });
  }
  if (type.optional) p.mark("?");
}

void print_modifier(TokenPrinter& p, const tree::Modifier& modifier) {
  switch (modifier.kind) {
    case tree::ModifierKind::kUpToLate:
      p.word("up to");
      p.duration(*modifier.duration);
      p.blank();
      return p.mark("late");
    case tree::ModifierKind::kUnique:
      p.mark("unique");
      if (!modifier.duration) return;
      p.blank();
      p.word("within");
      return p.duration(*modifier.duration);
    case tree::ModifierKind::kId:
      return p.mark("id");
    case tree::ModifierKind::kKey:
      return p.mark("key");
    case tree::ModifierKind::kFrom:
      p.word("from");
      return p.string(*modifier.path);
    case tree::ModifierKind::kPii:
      return p.mark("pii");
    case tree::ModifierKind::kEvidence:
      return p.mark("evidence");
    case tree::ModifierKind::kUnit:
      p.word("in");
      return p.mark(cep::time_unit_name(modifier.unit));
    case tree::ModifierKind::kAnyYear:
      return p.marks("from 1970");
  }
}

void print_field(TokenPrinter& p, const tree::Field& field) {
  p.name(field.name);
  p.word(":");
  print_type(p, field.type);
  p.indented([&] {
    for (const tree::Modifier& each : field.modifiers) {
      p.may_break();
      print_modifier(p, each);
    }
    if (!field.computed) return;
    p.may_break();
    p.word("=");
    print_condition(p, *field.computed);
  });
}

void print_feature_entry(TokenPrinter& p, const tree::FeatureEntry& entry, std::size_t name_width) {
  const std::string own = name_text(entry.name);
  p.name(entry.name);
  p.layout().if_broken(fill(own.size(), name_width));
  p.blank();
  p.word("=");
  p.mark(cep::aggregate_name(entry.aggregate));
  p.indented([&] {
    if (entry.param) {
      p.enclosed("(", ")", [&] {
        print_expr(p, *entry.argument);
        p.mark(",");
        p.layout().line_break(BreakForm::kBlank);
        print_parameter(p, *entry.param);
      });
    } else if (entry.argument) {
      p.blank();
      print_expr(p, *entry.argument);
    }
    print_where(p, entry.where);
    print_unless(p, entry.unless);
  });
}
}  // namespace

void print_record(TokenPrinter& p, const tree::Record& record, std::uint32_t extra_columns) {
  p.entries(
      "{", "}", record.entries, Packing::kPacked,
      [](const tree::Record::Entry& entry) { return entry.name.span.begin; },
      [&](const tree::Record::Entry& entry) {
        p.name(entry.name);
        p.word(":");
        print_expr(p, *entry.value);
      },
      extra_columns);
}

void print_declaration(TokenPrinter& p, const tree::Allow& item) {
  print_allow(p, item.warning, item.reason);
}

void print_declaration(TokenPrinter& p, const tree::Use& item) {
  p.word("use");
  p.string(item.path);
}

void print_declaration(TokenPrinter& p, const tree::Event& item) {
  p.word("event");
  p.name(item.name);
  p.blank();
  if (item.from) {
    p.word("from");
    p.string(*item.from);
    p.blank();
  }
  p.entries(
      "{", "}", item.fields, Packing::kOnePerLine,
      [](const tree::Field& each) { return each.span.begin; },
      [&](const tree::Field& each) { print_field(p, each); });
}

void print_declaration(TokenPrinter& p, const tree::Kind& item) {
  p.word("kind");
  p.name(item.name);
  p.blank();
  p.mark("=");
  const auto subset = [&](const tree::Subset& each) {
    print_kind(p, each.kind);
    p.indented([&] { print_where(p, each.where); });
  };
  if (item.subsets.size() == 1) {
    p.blank();
    return subset(item.subsets.front());
  }
  p.group([&] {
    p.indented([&] {
      p.indented([&] { p.layout().line_break(BreakForm::kBlank); });
      bool first = true;
      for (const tree::Subset& each : item.subsets) {
        if (!first) {
          p.layout().line_break(BreakForm::kBlank);
          p.word("|");
        }
        first = false;
        p.indented([&] { subset(each); });
      }
    });
  });
}

void print_declaration(TokenPrinter& p, const tree::Key& item) {
  p.word("key");
  p.indented([&] { print_key(p, item.part); });
}

void print_declaration(TokenPrinter& p, const tree::List& item) {
  constexpr const char* kWords[] = {"string", "int", "decimal", "date", "text", "regex", "network"};
  p.word("list");
  p.name(item.name);
  p.blank();
  p.word(":");
  p.mark(kWords[static_cast<std::size_t>(item.form)]);
  if (item.scale) {
    p.mark("(");
    p.integer(*item.scale);
    p.mark(")");
  }
  p.blank();
  if (item.ignore_case) p.word("ignoring case");
  if (item.from) {
    p.word("from");
    return p.string(*item.from);
  }
  p.word("=");
  p.entries(
      "[", "]", item.values, Packing::kPacked, [](const ExprPtr& each) { return each->span.begin; },
      [&](const ExprPtr& each) { print_expr(p, *each); });
}

void print_declaration(TokenPrinter& p, const tree::Table& item) {
  p.word("table");
  p.name(item.name);
  p.blank();
  p.word("key");
  print_names(p, item.keys);
  p.blank();
  p.entries(
      "{", "}", item.columns, Packing::kPacked,
      [](const tree::Column& each) { return each.span.begin; },
      [&](const tree::Column& each) {
        p.name(each.name);
        p.word(":");
        if (each.list_of_string) return p.marks("list of string");
        if (each.network) return p.mark("network");
        print_type(p, each.type);
      });
  p.blank();
  if (item.from) {
    p.word("from");
    return p.string(*item.from);
  }
  p.word("=");
  p.entries(
      "{", "}", item.rows, Packing::kOnePerLine,
      [](const tree::Row& each) { return each.span.begin; },
      [&](const tree::Row& each) {
        const auto key = [&](const ExprPtr& value) { print_expr(p, *value); };
        if (each.keys.size() != 1 || p.source_is_at(TokenKind::kParenOpen)) {
          p.tuple(each.keys, key);
        } else {
          key(each.keys.front());
        }
        p.word(":");
        print_record(p, each.values);
      });
}

void print_declaration(TokenPrinter& p, const tree::Const& item) {
  p.word("const");
  p.name(item.name);
  p.blank();
  p.word("=");
  print_expr(p, *item.value);
}

void print_declaration(TokenPrinter& p, const tree::Defaults& item) {
  p.word("defaults");
  p.name(item.event);
  p.blank();
  print_record(p, item.values);
}

void print_declaration(TokenPrinter& p, const tree::Feature& item) {
  p.group([&] {
    p.word("feature");
    p.name(item.name);
    p.blank();
    p.word("=");
    p.indented([&] {
      print_expr(p, *item.aggregate);
      p.layout().line_break(BreakForm::kBlank);
      if (!item.by.empty()) {
        p.word("by");
        print_names(p, item.by);
        p.may_break();
      }
      p.word("over");
      print_window(p, item.window);
    });
  });
}

void print_declaration(TokenPrinter& p, const tree::Features& item) {
  p.word("features of");
  p.indented([&] {
    p.indented([&] {
      print_kinds(p, item.of.refs);
      p.may_break();
      if (!item.by.empty()) {
        p.word("by");
        print_names(p, item.by);
        p.may_break();
      }
      p.word("over");
      print_window(p, item.window);
    });
  });
  p.blank();
  const std::size_t width = name_width(item.entries);
  p.entries(
      "{", "}", item.entries, Packing::kOnePerLine,
      [](const tree::FeatureEntry& each) { return each.span.begin; },
      [&](const tree::FeatureEntry& each) { print_feature_entry(p, each, width); });
}
}  // namespace tocsin::rules
