; Names of a rule are its own; all others are those of the files that are checked together.
(rule) @local.scope
(step name: (_) @local.definition.var)
(event_window name: (_) @local.definition.var)
(key_member role: (_) @local.definition.var)
(member object: (identifier) @local.reference)
(member object: (quoted_identifier) @local.reference)
(once step: (_) @local.reference)
(call function: (_) (identifier) @local.reference)

(event name: (_) @local.definition.type)
(kind name: (_) @local.definition.type)
(const name: (_) @local.definition.constant)
(list name: (_) @local.definition.constant)
(table name: (_) @local.definition.constant)
(feature name: (_) @local.definition.var)
(feature_entry name: (_) @local.definition.var)
