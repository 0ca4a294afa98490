/// Who calls and how urgently, as the metadata that goes with every call says it.
library;

import 'contract.dart';

final _name = RegExp(r'^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$');

const _words = {
  Priority.PRIORITY_INTERACTIVE: 'interactive',
  Priority.PRIORITY_STANDARD: 'standard',
  Priority.PRIORITY_BATCH: 'batch',
};

/// The metadata of calls of a caller and a priority; nothing for what is not said.
///
/// Throws an [ArgumentError] if the name has other than 1 to 63 letters, digits, dots, dashes and underscores or does not
/// begin with a letter or digit, or if the priority is none.
Map<String, String> whoCalls(String? caller, Priority? priority) {
  if (caller != null && !_name.hasMatch(caller)) {
    throw ArgumentError.value(caller, 'caller', 'is no name of a caller');
  }
  final word = _words[priority];
  if (priority != null && word == null) {
    throw ArgumentError.value(priority, 'priority', 'must be interactive, standard or batch');
  }
  return {if (caller != null) 'sluicegate-caller': caller, if (word != null) 'sluicegate-priority': word};
}
