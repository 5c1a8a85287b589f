; Declarations, for lists of symbols.
(event name: (_) @name) @definition.type
(kind name: (_) @name) @definition.type
(key name: (_) @name) @definition.constant
(list name: (_) @name) @definition.constant
(table name: (_) @name) @definition.constant
(const name: (_) @name) @definition.constant
(feature name: (_) @name) @definition.constant
(feature_entry name: (_) @name) @definition.constant
(rule name: (_) @name) @definition.function
(test rule: (_) @name) @reference.call
