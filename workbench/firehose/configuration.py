"""``ExtendedS3DestinationConfiguration`` as the API, the CLI and CloudFormation have it → ``StreamSettings``.

https://docs.aws.amazon.com/firehose/latest/APIReference/API_ExtendedS3DestinationConfiguration.html
"""

from collections.abc import Mapping, Sequence
from typing import Any

from enricher.errors import SettingsError
from workbench.firehose.settings import (
    MIB,
    BufferHints,
    Destination,
    LambdaProcessor,
    Processing,
    Rules,
    StreamSettings,
)

# Members that change nothing here: who may write where, how it is encrypted, and where errors are logged.
_WITHOUT_EFFECT = {"BucketARN", "RoleARN", "EncryptionConfiguration", "CloudWatchLoggingOptions"}
_DESTINATION = {"Prefix", "ErrorOutputPrefix", "BufferingHints", "CompressionFormat"}
_EXTENDED = {"ProcessingConfiguration", "S3BackupMode", "S3BackupConfiguration", "CustomTimeZone"}
_FEATURES = {"DataFormatConversionConfiguration", "DynamicPartitioningConfiguration"}
_LAMBDA_PARAMETERS = {"LambdaArn", "RoleArn", "NumberOfRetries", "BufferSizeInMBs", "BufferIntervalInSeconds"}
_MAX_PROCESSORS = 5


def stream_settings(
    name: str,
    account_id: str,
    region: str,
    configuration: Mapping[str, Any],
    rules: Rules | None = None,
) -> StreamSettings:
    """Read a delivery stream's destination.

    Args:
        name: of the delivery stream.
        account_id: of its owner.
        region: where it is.
        configuration: ``ExtendedS3DestinationConfiguration``, without unresolved intrinsic functions in what is read.
        rules: how to settle what AWS leaves open.

    Raises:
        SettingsError: a member or value that AWS refuses, or whose effect is not simulated.
    """
    _refuse_unknown(configuration, _WITHOUT_EFFECT | _DESTINATION | _EXTENDED | _FEATURES, "destination")
    for feature in sorted(_FEATURES & configuration.keys()):
        # An omitted Enabled means on here, unlike in ProcessingConfiguration.
        if _flag(configuration[feature].get("Enabled", True), f"{feature}.Enabled"):
            raise SettingsError(f"{feature} is not simulated: set its Enabled to false")
    if configuration.get("CustomTimeZone", "UTC") != "UTC":
        raise SettingsError(f"CustomTimeZone {configuration['CustomTimeZone']!r} is not simulated: use UTC")
    return StreamSettings(
        name,
        account_id,
        region,
        destination=_destination(configuration, "destination"),
        processing=_processing(configuration.get("ProcessingConfiguration", {})),
        backup=_backup(configuration),
        rules=rules or Rules(),
    )


def _backup(configuration: Mapping[str, Any]) -> Destination | None:
    mode = configuration.get("S3BackupMode", "Disabled")
    if mode == "Disabled":
        return None
    if mode != "Enabled":
        raise SettingsError(f"S3BackupMode is {mode!r}: use Enabled or Disabled")
    if "S3BackupConfiguration" not in configuration:
        raise SettingsError("S3BackupMode is Enabled: S3BackupConfiguration must then be given too")
    backup = configuration["S3BackupConfiguration"]
    _refuse_unknown(backup, _WITHOUT_EFFECT | _DESTINATION, "S3BackupConfiguration")
    return _destination(backup, "S3BackupConfiguration")


def _destination(members: Mapping[str, Any], where: str) -> Destination:
    compression = members.get("CompressionFormat", "UNCOMPRESSED")
    if compression not in {"UNCOMPRESSED", "GZIP"}:
        raise SettingsError(f"{where}'s CompressionFormat {compression!r} is not simulated: use GZIP or UNCOMPRESSED")
    hints = members.get("BufferingHints", {})
    _refuse_unknown(hints, {"SizeInMBs", "IntervalInSeconds"}, f"{where}'s BufferingHints")
    buffer = BufferHints(
        round(_number(hints.get("SizeInMBs", 5), f"{where}'s SizeInMBs") * MIB),
        round(_number(hints.get("IntervalInSeconds", 300), f"{where}'s IntervalInSeconds")),
    )
    error_output_prefix = members.get("ErrorOutputPrefix")
    return Destination(
        _text(members.get("Prefix", ""), f"{where}'s Prefix"),
        None if error_output_prefix is None else _text(error_output_prefix, f"{where}'s ErrorOutputPrefix"),
        buffer,
        gzip=compression == "GZIP",
    )


def _processing(members: Mapping[str, Any]) -> Processing:
    _refuse_unknown(members, {"Enabled", "Processors"}, "ProcessingConfiguration")
    # Omitted, AWS stores false, and the stream delivers its records untransformed.
    if not _flag(members.get("Enabled", False), "ProcessingConfiguration.Enabled"):
        return Processing()
    processors: Sequence[Mapping[str, Any]] = members.get("Processors", ())
    if not 1 <= len(processors) <= _MAX_PROCESSORS:
        raise SettingsError(f"ProcessingConfiguration has {len(processors)} processors: AWS takes 1 to 5")
    functions = []
    stages = {"decompression": False, "message_extraction": False, "append_delimiter": False}
    for processor in processors:
        parameters = _parameters(processor)
        match processor.get("Type"):
            case "Lambda":
                functions.append(_function(parameters))
            case "Decompression":
                stages["decompression"] = True
            case "CloudWatchLogProcessing":
                value = parameters.get("DataMessageExtraction", "false")
                stages["message_extraction"] |= _flag(value, "DataMessageExtraction")
            case "AppendDelimiterToRecord":
                stages["append_delimiter"] = True
            case other:
                raise SettingsError(
                    f"processor {other!r} is not simulated: Lambda, Decompression, CloudWatchLogProcessing and"
                    " AppendDelimiterToRecord are"
                )
    if len(functions) > 1:
        raise SettingsError("ProcessingConfiguration has more than one Lambda processor: AWS takes one")
    return Processing(**stages, function=functions[0] if functions else None)


def _parameters(processor: Mapping[str, Any]) -> dict[str, str]:
    parameters = {}
    for item in processor.get("Parameters", ()):
        _refuse_unknown(item, {"ParameterName", "ParameterValue"}, f"parameter of {processor.get('Type')!r}")
        name = _text(item.get("ParameterName"), "ParameterName")
        parameters[name] = _text(item.get("ParameterValue"), name)
    return parameters


def _function(parameters: Mapping[str, str]) -> LambdaProcessor:
    _refuse_unknown(parameters, _LAMBDA_PARAMETERS, "Lambda processor")
    if "LambdaArn" not in parameters:
        raise SettingsError("Lambda processor has no LambdaArn: add the parameter")
    return LambdaProcessor(
        parameters["LambdaArn"],
        round(_number(parameters.get("NumberOfRetries", 3), "NumberOfRetries")),
        BufferHints(
            round(_number(parameters.get("BufferSizeInMBs", 1), "BufferSizeInMBs") * MIB),
            round(_number(parameters.get("BufferIntervalInSeconds", 60), "BufferIntervalInSeconds")),
        ),
    )


def _refuse_unknown(members: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(members.keys() - known):
        raise SettingsError(
            f"{where}: {', '.join(unknown)} unknown or not simulated; known: {', '.join(sorted(known))}"
        )


def _text(value: object, what: str) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise SettingsError(f"{what} is {value!r}: give text (resolve the template's functions first)")


def _number(value: object, what: str) -> float:
    try:
        return float(_text(value, what))
    except ValueError:
        raise SettingsError(f"{what} is {value!r}: give a number") from None


def _flag(value: object, what: str) -> bool:
    flags = {"true": True, "false": False}
    if (flag := flags.get(str(value).lower())) is None:
        raise SettingsError(f"{what} is {value!r}: use true or false")
    return flag
