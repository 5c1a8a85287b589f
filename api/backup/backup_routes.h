/// The API's operations on backups.
#pragma once
#include "api/backup/backup_service.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// `backups` outlives the router; null: no place for backups is configured, and the operations say
/// so.
void add_backup_routes(Router& router, BackupService* backups);
}  // namespace tocsin::api
