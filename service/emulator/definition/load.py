"""From paths to what an org is made of: describe answers, SFDX projects and metadata files, in the order given."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from service.emulator.definition.custom_fields import CUSTOM_NAME, FieldReader, name_field, picklist_value
from service.emulator.definition.custom_objects import custom_object, free_prefixes, record_type_field
from service.emulator.definition.model import Definition, DefinitionError
from service.emulator.definition.project import ObjectPieces, Piece, Pieces, gather, is_metadata, metadata_files
from service.emulator.definition.xml_tree import MAXIMUM_BYTES, Element
from service.emulator.faults import SalesforceFault
from service.emulator.formula import FormulaError, compile_formula
from service.emulator.record_types import RecordType
from service.emulator.schema import Field, Schema, SObject
from service.emulator.schema.load import with_described
from service.emulator.schema.standard import STANDARD_OBJECTS
from service.emulator.validation import ValidationRule
from service.emulator.values import reader


def load_definition(paths: Sequence[Path], base: Definition | None = None) -> Definition:
    """Return what an org is made of when files are added to the standard objects. Reads files; blocks.

    A path is one of: a describe answer (`.json`, as `sf sobject describe` prints it, with or without `--json`, or a
    list of them); a folder of an SFDX project or of retrieved metadata; one of their files. Describe answers come
    first, in the order given, then all metadata together. Custom objects that only metadata knows get the key prefixes
    a00, a01, … in the order of their names.

    Args:
        paths: What to read.
        base: What to add to; None for the standard objects.

    Raises:
        DefinitionError: A file cannot be read or understood; the text names it and the element.

    """
    definition = base or Definition(Schema(STANDARD_OBJECTS))
    pieces = Pieces()
    for path in paths:
        for file in _files(path):
            if is_metadata(file):
                gather(file, pieces)
            else:
                definition = _with_describe(definition, file)
    return _Project(definition, pieces).definition()


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        if path.suffix != ".json" and not is_metadata(path):
            raise DefinitionError(path, "a schema is a describe answer (.json), a folder, or a metadata file")
        yield path
        return
    found = list(metadata_files(path)) or sorted(path.glob("*.json"))
    if not found:
        raise DefinitionError(path, "the folder holds neither metadata nor describe answers")
    yield from found


def _with_describe(definition: Definition, path: Path) -> Definition:
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise DefinitionError(path, f"the file is larger than {MAXIMUM_BYTES} bytes")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise DefinitionError(path, f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, DefinitionError):
            raise
        raise DefinitionError(path, f"is no JSON: {error}") from None
    if isinstance(document, dict) and "result" in document and "fields" not in document:
        document = document["result"]
    answers = document if isinstance(document, list) else [document]
    if not all(isinstance(answer, dict) for answer in answers):
        raise DefinitionError(path, "a describe answer has to be a JSON object")
    try:
        schema = with_described(definition.schema, answers)
        for answer in answers:
            described = schema.sobject(str(answer["name"]))
            _check_defaults(described.fields if described else ())
    except (ValueError, TypeError, AttributeError) as error:
        raise DefinitionError(path, str(error)) from None
    return replace(definition, schema=schema)


def _check_defaults(fields: Iterable[Field]) -> None:
    for field in fields:
        try:
            if field.stored and field.default_value is not None:
                reader(field)(field.default_value)
        except SalesforceFault:
            raise ValueError(f"{field.name}: defaultValue {field.default_value!r} is of another type") from None


class _Project:
    """Adds the pieces of metadata to a definition."""

    def __init__(self, base: Definition, pieces: Pieces) -> None:
        self._base = base
        self._pieces = pieces
        self._remarks: list[str] = []
        value_sets = {
            each.name: tuple(picklist_value(value) for value in each.element.every("customValue"))
            for each in pieces.value_sets
        }
        self._reader = FieldReader(value_sets, self._remarks)

    def definition(self) -> Definition:
        sobjects = {sobject.name.lower(): sobject for sobject in self._base.schema.sobjects}
        prefixes = free_prefixes({sobject.key_prefix for sobject in sobjects.values()})
        for name, pieces in sorted(self._pieces.objects.items()):
            known = sobjects.get(name.lower())
            if known is not None:
                sobjects[name.lower()] = self._extended(known, pieces)
            elif CUSTOM_NAME.fullmatch(name):
                sobjects[name.lower()] = self._made(name, pieces, next(prefixes))
            else:
                self._remarks.append(
                    f"{_first_path(pieces)}: {name} is left out: only custom objects (…__c) can be made from metadata; "
                    "give the describe answer of any other"
                )
        schema = Schema(sobjects.values())
        for sobject in schema.sobjects:
            self._note_unknown_parents(schema, sobject)
        return Definition(
            schema,
            (*self._base.record_types, *self._record_types(schema)),
            (*self._base.validation_rules, *self._validation_rules(schema)),
            (*self._base.remarks, *self._remarks),
        )

    def _extended(self, sobject: SObject, pieces: ObjectPieces) -> SObject:
        fields = {field.name.lower(): field for field in sobject.fields}
        for field in self._fields(sobject.name, pieces):
            fields[field.name.lower()] = field
        if pieces.record_types and "recordtypeid" not in fields:
            fields["recordtypeid"] = record_type_field()
        return replace(sobject, fields=tuple(fields.values()))

    def _made(self, name: str, pieces: ObjectPieces, prefix: str) -> SObject:
        described = next((piece for piece in pieces.objects), None)
        element = described.element if described else Element("CustomObject", 1)
        path = described.path if described else _first_path(pieces)
        label = element.value("label") or name.removesuffix("__c").replace("_", " ")
        named = name_field(self._reader, path, name, element.child("nameField"))
        made = custom_object(
            name, label, element.value("pluralLabel") or label, prefix, named, self._fields(name, pieces)
        )
        if pieces.record_types:
            made = replace(made, fields=(*made.fields, record_type_field()))
        return made

    def _fields(self, sobject: str, pieces: ObjectPieces) -> list[Field]:
        fields: dict[str, Field] = {}
        for piece in pieces.fields:
            if CUSTOM_NAME.fullmatch(piece.name):
                for field in self._reader.read(piece.path, sobject, piece.element, piece.name):
                    fields[field.name.lower()] = field
            elif "__" in piece.name or not piece.name.isidentifier():
                raise DefinitionError(piece.path, f"{piece.name[:80]!r} is no API name of a custom field")
        return list(fields.values())

    def _note_unknown_parents(self, schema: Schema, sobject: SObject) -> None:
        if sobject.name not in self._pieces.objects:
            return
        for field in sobject.fields:
            unknown = [name for name in field.reference_to if schema.sobject(name) is None]
            if field.custom and unknown:
                self._remarks.append(
                    f"{sobject.name}.{field.name} refers to {', '.join(unknown)}, which the org does not know: "
                    "it takes no value"
                )

    def _record_types(self, schema: Schema) -> Iterator[RecordType]:
        for name, pieces in self._pieces.objects.items():
            if schema.sobject(name) is None:
                continue
            for piece in pieces.record_types:
                yield RecordType(
                    sobject=name,
                    name=piece.element.value("label") or piece.name,
                    developer_name=piece.name,
                    description=piece.element.value("description"),
                    active=piece.element.value("active") != "false",
                )

    def _validation_rules(self, schema: Schema) -> Iterator[ValidationRule]:
        for name, pieces in self._pieces.objects.items():
            sobject = schema.sobject(name)
            for piece in pieces.validation_rules if sobject else ():
                rule = self._validation_rule(schema, sobject, piece) if sobject else None
                if rule is not None:
                    yield rule

    def _validation_rule(self, schema: Schema, sobject: SObject, piece: Piece) -> ValidationRule | None:
        text, message = (piece.element.value(name) for name in ("errorConditionFormula", "errorMessage"))
        if text is None or message is None:
            missing = "errorConditionFormula" if text is None else "errorMessage"
            raise DefinitionError(piece.path, f"line {piece.element.line}, {piece.name}: {missing} is missing")
        if piece.element.value("active") == "false":
            return None
        at = piece.element.value("errorDisplayField")
        try:
            compile_formula(text, sobject, schema.sobject)
        except FormulaError as error:
            self._remarks.append(f"{piece.path}: {sobject.name}, validation rule {piece.name} is left out: {error}")
            return None
        if at is not None and sobject.field(at) is None:
            self._remarks.append(f"{piece.path}: validation rule {piece.name}: there is no field {at} to show it at")
            at = None
        return ValidationRule(sobject.name, piece.name, text, message, at)


def _first_path(pieces: ObjectPieces) -> Path:
    every = (*pieces.objects, *pieces.fields, *pieces.record_types, *pieces.validation_rules)
    return every[0].path
