/// Sentences of the rule language's grammar, production by production. Only the random_syntax*.cpp
/// files include it.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tests/support/random.h"
#include "tests/support/random_syntax.h"

namespace tocsin::tests {
/// The text of a sentence. Invariant: its tokens are apart from each other, and each comment has a
/// number of its own.
class SyntaxTokens {
 public:
  SyntaxTokens(Random& random, bool with_comments)
      : random_(random), with_comments_(with_comments) {}
  /// Writes a token, after random blanks and comments.
  void put(std::string_view token);
  /// Writes what `item` writes once or more, `separator` between; each time so likely once more.
  template <typename Item>
  void many(std::size_t percent, const Item& item, std::string_view separator) {
    item();
    while (random_.chance(percent)) {
      put(separator);
      item();
    }
  }
  /// Writes a list that may be empty, and may have a comma behind its last item.
  template <typename Item>
  void entries(const Item& item) {
    if (random_.chance(10)) return;
    many(50, item, ",");
    if (random_.chance(30)) put(",");
  }
  /// Gives the text, which ends here.
  std::string end();

 private:
  void comment();

  Random& random_;
  const bool with_comments_;
  std::string text_;
  std::size_t comments_ = 0;  // written so far
};

/// How deep what is being written is inside other expressions and patterns.
class SyntaxNesting {
 public:
  /// What is written from now on is one deeper.
  void enter() { ++depth_; }
  /// What the last enter() began is written.
  void leave() { --depth_; }
  /// How many have begun and not ended.
  int depth() const { return depth_; }

 private:
  int depth_ = 0;
};

/// Words and values: names, kinds, texts, literals and records.
class SyntaxWords {
 public:
  SyntaxWords(Random& random, SyntaxTokens& out) : random_(random), out_(out) {}
  /// Any word, but for those that the place excludes; those are back-quoted.
  void name(std::initializer_list<std::string_view> excluded = {});
  /// A kind, or alerts.
  void kindref();
  /// Some kinds: `a or b`.
  void kinds();
  /// The members of a key: `a.x as r | b.y`.
  void key_members();
  /// A length of time.
  void duration();
  /// A quoted text.
  void string();
  /// A number above 0.
  void integer();
  /// A time zone: a text, or a field that has it.
  void zone();
  /// A word, quoted or not.
  void word();
  /// A value.
  void literal();
  /// `{name: value, …}`.
  void record();

 private:
  Random& random_;
  SyntaxTokens& out_;
};

/// Expressions. Invariant: no expression is deeper than `depth_max` inside others.
class SyntaxExpressions {
 public:
  SyntaxExpressions(Random& random, int depth_max, SyntaxTokens& out, SyntaxNesting& nesting,
                    SyntaxWords& words)
      : random_(random), depth_max_(depth_max), out_(out), nesting_(nesting), words_(words) {}
  /// Any expression.
  void expr();
  /// A condition on events, or nothing.
  void where();
  /// An aggregate with its arguments.
  void aggregate();
  /// A further argument of an aggregate.
  void parameter();
  /// A feature's `unless alerted`, or nothing.
  void unless();
  /// The window of an aggregate or a feature.
  void window();

 private:
  void choice();
  void conj();
  void neg();
  void comparison();
  void sum();
  void product();
  void unary();
  void operand_name();
  void primary();
  // In an aggregate a kind is where an operand may be.
  void kinds_or_variables();
  void window_where();

  Random& random_;
  const int depth_max_;
  SyntaxTokens& out_;
  SyntaxNesting& nesting_;
  SyntaxWords& words_;
};

/// Patterns. Invariant: no group is deeper than some levels inside others.
class SyntaxPatterns {
 public:
  SyntaxPatterns(Random& random, SyntaxTokens& out, SyntaxNesting& nesting, SyntaxWords& words,
                 SyntaxExpressions& expressions)
      : random_(random), out_(out), nesting_(nesting), words_(words), expressions_(expressions) {}
  /// Steps and absences, one after the other.
  void pattern();

 private:
  void absence();
  void step();
  void step_name(bool counted);
  void step_kinds(bool counted);

  Random& random_;
  SyntaxTokens& out_;
  SyntaxNesting& nesting_;
  SyntaxWords& words_;
  SyntaxExpressions& expressions_;
};

/// Rules with their clauses. Invariant: a rule has each clause at most once, in any order.
class SyntaxRules {
 public:
  SyntaxRules(Random& random, SyntaxTokens& out, SyntaxWords& words, SyntaxExpressions& expressions,
              SyntaxPatterns& patterns)
      : random_(random), out_(out), words_(words), expressions_(expressions), patterns_(patterns) {}
  /// Any rule.
  void rule();

 private:
  void each();
  void after();
  void by();
  void when();
  void without();
  void after_match();
  void except();
  void once();
  void alert();
  void clause(int which);

  Random& random_;
  SyntaxTokens& out_;
  SyntaxWords& words_;
  SyntaxExpressions& expressions_;
  SyntaxPatterns& patterns_;
};

/// Files with their declarations, of which rules are some.
class SyntaxWriter {
 public:
  SyntaxWriter(Random& random, const SyntaxOptions& options)
      : random_(random),
        out_(random, options.comments),
        words_(random, out_),
        expressions_(random, options.depth_max, out_, nesting_, words_),
        patterns_(random, out_, nesting_, words_, expressions_),
        rules_(random, out_, words_, expressions_, patterns_) {}
  SyntaxWriter(const SyntaxWriter&) = delete;
  SyntaxWriter& operator=(const SyntaxWriter&) = delete;
  /// The text of a file. It is called once.
  std::string file();

 private:
  void type();
  void table();
  void field();
  void event();
  void kind();
  void list();
  void features();
  void declaration();
  void keyed_window();
  void test();

  Random& random_;
  SyntaxTokens out_;
  SyntaxNesting nesting_;
  SyntaxWords words_;
  SyntaxExpressions expressions_;
  SyntaxPatterns patterns_;
  SyntaxRules rules_;
};
}  // namespace tocsin::tests
