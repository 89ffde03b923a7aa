"""The rules of Cloud SQL. `sqladmin` v1 and v1beta4 have the same method ids (but for the backups') and one state."""

from __future__ import annotations

from collections.abc import Mapping

from memdeploy.rehearsal.call import Handler
from memdeploy.rehearsal.operations import Finisher
from memdeploy.rehearsal.rules import sqladmin_backups, sqladmin_children, sqladmin_instances
from memdeploy.rehearsal.rules.guard import guarded
from memdeploy.rehearsal.rules.sqladmin_base import list_operations

_BACKUPS: Mapping[str, Handler] = {
    "CreateBackup": sqladmin_backups.create,
    "GetBackup": sqladmin_backups.get,
    "ListBackups": sqladmin_backups.list_,
    "UpdateBackup": sqladmin_backups.update,
    "DeleteBackup": sqladmin_backups.delete,
}

RULES: Mapping[str, Handler] = {
    "sql.instances.insert": sqladmin_instances.insert,
    "sql.instances.get": sqladmin_instances.get,
    "sql.instances.list": sqladmin_instances.list_,
    "sql.instances.patch": sqladmin_instances.patch,
    "sql.instances.update": sqladmin_instances.update,
    "sql.instances.delete": sqladmin_instances.delete,
    "sql.instances.listServerCas": sqladmin_instances.list_server_cas,
    "sql.operations.list": list_operations,
    "sql.databases.insert": sqladmin_children.insert_database,
    "sql.databases.get": sqladmin_children.get_database,
    "sql.databases.list": sqladmin_children.list_databases,
    "sql.databases.patch": sqladmin_children.update_database,
    "sql.databases.update": sqladmin_children.update_database,
    "sql.databases.delete": sqladmin_children.delete_database,
    "sql.users.insert": sqladmin_children.insert_user,
    "sql.users.get": sqladmin_children.get_user,
    "sql.users.list": sqladmin_children.list_users,
    "sql.users.update": sqladmin_children.update_user,
    "sql.users.delete": sqladmin_children.delete_user,
    "sql.backupRuns.insert": sqladmin_backups.insert_run,
    "sql.backupRuns.get": sqladmin_backups.get_run,
    "sql.backupRuns.list": sqladmin_backups.list_runs,
    "sql.backupRuns.delete": sqladmin_backups.delete_run,
    **{f"sql.Backups.{name}": handler for name, handler in _BACKUPS.items()},  # v1
    **{f"sql.backups.{name[0].lower()}{name[1:]}": handler for name, handler in _BACKUPS.items()},  # v1beta4
}

FINISHERS: Mapping[str, Finisher] = {
    "created": guarded(sqladmin_instances.created, sqladmin_instances.create_failed),
    "fail.created": sqladmin_instances.create_failed,
    "fail.changed": sqladmin_instances.change_failed,
    "fail.deleted": sqladmin_instances.change_failed,
    "changed": guarded(sqladmin_instances.changed, sqladmin_instances.change_failed),
    "deleted": guarded(sqladmin_instances.deleted, sqladmin_instances.change_failed),
    "database": guarded(sqladmin_children.database_done),
    "user": guarded(sqladmin_children.user_done),
    "backup": sqladmin_backups.backup_done,
    "backup-run": sqladmin_backups.run_done,
    "backup-gone": sqladmin_backups.gone,
}
