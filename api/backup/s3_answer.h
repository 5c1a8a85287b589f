/// What S3 answers, in XML.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "api/backup/backup_store.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// The text of the first element `name` without attributes; empty where there is none.
std::string s3_text(std::string_view xml, std::string_view name);
/// A page of a list of objects, with their whole keys.
struct S3Page {
  std::vector<StoredObject> objects;
  std::string next;  // what continues it; empty: it was the last
};
/// Errors: kCorrupt for what is no such page.
Result<S3Page> parse_s3_page(std::string_view xml);
}  // namespace tocsin::api
