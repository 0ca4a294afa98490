import 'dart:convert';

import 'package:sluicegate/sluicegate.dart';
import 'package:test/test.dart';

const _header = 'Name,Company\n';

Future<List<String>> _parts(String text, {int chunk = 7, int partBytes = 40, int nextByte = 0, bool csv = true}) async {
  final bytes = utf8.encode(text);
  final chunks = [
    for (var start = 0; start < bytes.length; start += chunk)
      bytes.sublist(start, start + chunk < bytes.length ? start + chunk : bytes.length),
  ];
  final parts = cutParts(Stream.fromIterable(chunks), csv: csv, partBytes: partBytes, nextByte: nextByte);
  return [await for (final part in parts) utf8.decode(part)];
}

void main() {
  final rows = [for (var index = 0; index < 30; index += 1) '$index,"a\n""$index"""\n'];
  final text = _header + rows.join();

  test('parts begin with the header and hold whole rows, however the data is cut', () async {
    final expected = await _parts(text);

    for (final chunk in [1, 3, 39, 40, 41, 1000]) {
      expect(await _parts(text, chunk: chunk), expected);
    }
    expect(expected.map((part) => part.substring(_header.length)).join(), rows.join());
    expect(expected.every((part) => part.startsWith(_header) && part.length <= 40 && part.endsWith('"\n')), isTrue);
  });

  test('data goes on from the end of any part', () async {
    final parts = await _parts(text);

    var nextByte = _header.length;
    for (final (index, part) in parts.indexed) {
      nextByte += part.length - _header.length;
      expect(await _parts(text, nextByte: nextByte), parts.sublist(index + 1));
    }
  });

  test('lines of JSON have no header, and their quotes mean nothing', () async {
    final lines = [for (var index = 0; index < 20; index += 1) '{"Name": "$index"}\n'];

    final parts = await _parts(lines.join(), csv: false);

    expect(parts.join(), lines.join());
    expect(parts.every((part) => part.startsWith('{') && part.endsWith('}\n')), isTrue);
  });

  test('a row that has no room is refused', () async {
    await expectLater(_parts('A\n"${'x' * 100}"\n'), throwsFormatException);
  });

  test('what has no rows is one part', () async {
    expect(await _parts('A\n'), ['A\n']);
    expect(await _parts(''), ['']);
  });
}
