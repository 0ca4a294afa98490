/// The data of a bulk load, cut into parts between rows.
library;

import 'dart:math';
import 'dart:typed_data';

const _lineFeed = 0x0a;
const _quote = 0x22;

/// Cuts data into parts of whole rows, each of at most [partBytes], in order.
///
/// The data may be cut anywhere: a file's `openRead()` gives it as it is wanted. Each part of [csv] begins with the first
/// record of the data, and a line feed in double quotes ends no row (RFC 4180); the service refuses CSV that has a quote
/// within a cell without quotes. Rows before [nextByte], counted from the start of the data, are passed over.
///
/// Throws a [FormatException] if a row has no room in a part, which is also what a quote that is never closed comes to.
Stream<Uint8List> cutParts(
  Stream<List<int>> data, {
  required bool csv,
  required int partBytes,
  int nextByte = 0,
}) async* {
  final cutter = _Cutter(csv: csv, partBytes: partBytes, nextByte: nextByte);
  await for (final bytes in data) {
    for (final part in cutter.take(bytes)) {
      yield part;
    }
  }
  final last = cutter.finish();
  if (last != null) {
    yield last;
  }
}

final class _Cutter {
  _Cutter({required this.csv, required int partBytes, required this.nextByte})
    : _part = Uint8List(partBytes),
      _headerBytes = csv ? null : 0;

  final bool csv;
  final int nextByte;
  final Uint8List _part;

  /// How many bytes wait.
  int _used = 0;

  /// Where the last whole row of them ends.
  int _rowsEnd = 0;

  /// How long the header is that they begin with; null while it is not complete.
  int? _headerBytes;

  bool _isQuoted = false;

  /// How many bytes were taken.
  int _position = 0;

  Iterable<Uint8List> take(List<int> bytes) sync* {
    var start = 0;
    while (start < bytes.length) {
      if (_headerBytes != null && _position < nextByte) {
        final skipped = min(bytes.length - start, nextByte - _position);
        _position += skipped;
        start += skipped;
        continue;
      }
      if (_used == _part.length) {
        yield _cut();
      }
      start = _add(bytes, start, min(bytes.length, start + _part.length - _used));
    }
  }

  /// What is left; a header alone, or nothing, is a part too: the service says that it has no rows.
  Uint8List? finish() {
    final headerBytes = _headerBytes ?? 0;
    return _used > headerBytes || _position <= headerBytes ? _part.sublist(0, _used) : null;
  }

  /// Takes bytes that have room, or those of them that belong to the header; returns where the rest begins.
  int _add(List<int> bytes, int start, int end) {
    for (var index = start; index < end; index += 1) {
      if (bytes[index] == _quote) {
        _isQuoted = csv && !_isQuoted;
      } else if (bytes[index] == _lineFeed && !_isQuoted) {
        _rowsEnd = _used + index + 1 - start;
        if (_headerBytes == null) {
          _headerBytes = _rowsEnd;
          return _append(bytes, start, index + 1);
        }
      }
    }
    return _append(bytes, start, end);
  }

  int _append(List<int> bytes, int start, int end) {
    _part.setRange(_used, _used + end - start, bytes, start);
    _used += end - start;
    _position += end - start;
    return end;
  }

  Uint8List _cut() {
    final headerBytes = _headerBytes;
    final end = _rowsEnd;
    if (headerBytes == null || end <= headerBytes) {
      throw FormatException(
        'the row that begins at byte ${_position - _used + (headerBytes ?? 0)} has more than the ${_part.length} bytes '
        'of a part, or a double quote in it is never closed',
      );
    }
    final part = _part.sublist(0, end);
    _part.setRange(headerBytes, headerBytes + _used - end, _part, end);
    _used -= end - headerBytes;
    _rowsEnd = headerBytes;
    return part;
  }
}
