// Declarations of what rules speak of: events, kinds, lists, tables, features.
#include "rules/format/printer.h"

namespace tocsin::rules {
using tree::ExprPtr;

void Printer::names(const std::vector<tree::Name>& names) {
  comma_list(names, [this](const tree::Name& each) { name(each); });
}

void Printer::record(const tree::Record& record, std::uint32_t extra_columns) {
  entries(
      "{", "}", record.entries, Packing::kPacked,
      [](const tree::Record::Entry& entry) { return entry.name.span.begin; },
      [this](const tree::Record::Entry& entry) {
        name(entry.name);
        word(":");
        expr(*entry.value);
      },
      extra_columns);
}

void Printer::type(const tree::TypeRef& type) {
  constexpr const char* kWords[] = {"bool", "int",  "float",    "decimal", "string",
                                    "time", "date", "duration", "enum"};
  mark(kWords[static_cast<std::size_t>(type.form)]);
  if (type.scale) {
    mark("(");
    integer(*type.scale);
    mark(")");
  }
  if (type.form == tree::TypeForm::kEnum) {
    tuple(type.words, [this](const tree::Word& each) { name(each); });
  }
  if (type.optional) mark("?");
}

void Printer::modifier(const tree::Modifier& modifier) {
  switch (modifier.kind) {
    case tree::ModifierKind::kUpToLate:
      word("up to");
      duration(*modifier.duration);
      blank();
      return mark("late");
    case tree::ModifierKind::kUnique:
      mark("unique");
      if (!modifier.duration) return;
      blank();
      word("within");
      return duration(*modifier.duration);
    case tree::ModifierKind::kId:
      return mark("id");
    case tree::ModifierKind::kKey:
      return mark("key");
    case tree::ModifierKind::kFrom:
      word("from");
      return string(*modifier.path);
    case tree::ModifierKind::kPii:
      return mark("pii");
    case tree::ModifierKind::kEvidence:
      return mark("evidence");
    case tree::ModifierKind::kUnit:
      word("in");
      return mark(cep::time_unit_name(modifier.unit));
    case tree::ModifierKind::kAnyYear:
      return marks("from 1970");
  }
}

void Printer::field(const tree::Field& field) {
  name(field.name);
  word(":");
  type(field.type);
  indented([&] {
    for (const tree::Modifier& each : field.modifiers) {
      may_break();
      modifier(each);
    }
    if (!field.computed) return;
    may_break();
    word("=");
    condition(*field.computed);
  });
}

void Printer::declaration(const tree::Allow& item) { allow(item); }

void Printer::declaration(const tree::Use& item) {
  word("use");
  string(item.path);
}

void Printer::declaration(const tree::Event& item) {
  word("event");
  name(item.name);
  blank();
  if (item.from) {
    word("from");
    string(*item.from);
    blank();
  }
  entries(
      "{", "}", item.fields, Packing::kOnePerLine,
      [](const tree::Field& each) { return each.span.begin; },
      [this](const tree::Field& each) { field(each); });
}

void Printer::declaration(const tree::Kind& item) {
  word("kind");
  name(item.name);
  blank();
  mark("=");
  const auto subset = [this](const tree::Subset& each) {
    kind(each.kind);
    indented([&] { where(each.where); });
  };
  if (item.subsets.size() == 1) {
    blank();
    return subset(item.subsets.front());
  }
  group([&] {
    indented([&] {
      indented([&] { layout_.line_break(BreakForm::kBlank); });
      bool first = true;
      for (const tree::Subset& each : item.subsets) {
        if (!first) {
          layout_.line_break(BreakForm::kBlank);
          word("|");
        }
        first = false;
        indented([&] { subset(each); });
      }
    });
  });
}

void Printer::declaration(const tree::Key& item) {
  word("key");
  indented([&] { key(item.part); });
}

void Printer::declaration(const tree::List& item) {
  constexpr const char* kWords[] = {"string", "int", "decimal", "date", "text", "regex", "network"};
  word("list");
  name(item.name);
  blank();
  word(":");
  mark(kWords[static_cast<std::size_t>(item.form)]);
  if (item.scale) {
    mark("(");
    integer(*item.scale);
    mark(")");
  }
  blank();
  if (item.ignore_case) word("ignoring case");
  if (item.from) {
    word("from");
    return string(*item.from);
  }
  word("=");
  entries(
      "[", "]", item.values, Packing::kPacked, [](const ExprPtr& each) { return each->span.begin; },
      [this](const ExprPtr& each) { expr(*each); });
}

void Printer::declaration(const tree::Table& item) {
  word("table");
  name(item.name);
  blank();
  word("key");
  names(item.keys);
  blank();
  entries(
      "{", "}", item.columns, Packing::kPacked,
      [](const tree::Column& each) { return each.span.begin; },
      [this](const tree::Column& each) {
        name(each.name);
        word(":");
        if (each.list_of_string) return marks("list of string");
        if (each.network) return mark("network");
        type(each.type);
      });
  blank();
  if (item.from) {
    word("from");
    return string(*item.from);
  }
  word("=");
  entries(
      "{", "}", item.rows, Packing::kOnePerLine,
      [](const tree::Row& each) { return each.span.begin; },
      [this](const tree::Row& each) {
        const auto key = [this](const ExprPtr& value) { expr(*value); };
        if (each.keys.size() != 1 || source_is_at(TokenKind::kParenOpen)) {
          tuple(each.keys, key);
        } else {
          key(each.keys.front());
        }
        word(":");
        record(each.values);
      });
}

void Printer::declaration(const tree::Const& item) {
  word("const");
  name(item.name);
  blank();
  word("=");
  expr(*item.value);
}

void Printer::declaration(const tree::Defaults& item) {
  word("defaults");
  name(item.event);
  blank();
  record(item.values);
}

void Printer::declaration(const tree::Feature& item) {
  group([&] {
    word("feature");
    name(item.name);
    blank();
    word("=");
    indented([&] {
      expr(*item.aggregate);
      layout_.line_break(BreakForm::kBlank);
      if (!item.by.empty()) {
        word("by");
        names(item.by);
        may_break();
      }
      word("over");
      window(item.window);
    });
  });
}

void Printer::feature_entry(const tree::FeatureEntry& entry, std::size_t name_width) {
  const std::string own = name_text(entry.name);
  name(entry.name);
  layout_.if_broken(fill(own.size(), name_width));
  blank();
  word("=");
  mark(cep::aggregate_name(entry.aggregate));
  indented([&] {
    if (entry.param) {
      enclosed("(", ")", [&] {
        expr(*entry.argument);
        mark(",");
        layout_.line_break(BreakForm::kBlank);
        parameter(*entry.param);
      });
    } else if (entry.argument) {
      blank();
      expr(*entry.argument);
    }
    where(entry.where);
    unless(entry.unless);
  });
}

void Printer::declaration(const tree::Features& item) {
  word("features of");
  indented([&] {
    indented([&] {
      kinds(item.of.refs);
      may_break();
      if (!item.by.empty()) {
        word("by");
        names(item.by);
        may_break();
      }
      word("over");
      window(item.window);
    });
  });
  blank();
  const std::size_t width = name_width(item.entries);
  entries(
      "{", "}", item.entries, Packing::kOnePerLine,
      [](const tree::FeatureEntry& each) { return each.span.begin; },
      [&](const tree::FeatureEntry& each) { feature_entry(each, width); });
}
}  // namespace tocsin::rules
