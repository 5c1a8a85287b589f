/// Where a clause, a declaration, an entry or a line of a test surely begins. The parser resumes
/// there after a mistake, and what is open ends there.
#pragma once
#include "rules/parse/token_cursor.h"

namespace tocsin::rules {
/// True if a clause of a rule begins here: nothing legal continues like this.
bool begins_clause(TokenCursor& p);
/// The same for a declaration.
bool begins_declaration(TokenCursor& p);
/// A clause or a declaration.
bool begins_construct(TokenCursor& p);
/// True if a clause or a declaration begins here, or the text or a block ends.
bool ends_block(TokenCursor& p);
/// True if a line begins with what looks like a clause or a declaration.
bool resumes_here(TokenCursor& p);
/// True at the word of a declaration at the beginning of a line, where no name may be.
bool at_declaration(TokenCursor& p);
/// True in a test if the next event or expectation begins here, although a bracket is open.
bool begins_test_line(TokenCursor& p);
/// True at NAME ":".
bool at_entry(TokenCursor& p);
/// True at a comma that ends an entry around round or square brackets that are open.
bool comma_ends_entry(TokenCursor& p);
}  // namespace tocsin::rules
