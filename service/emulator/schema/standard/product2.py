"""The standard object Product2."""

from service.emulator.schema.kinds import (
    SHORT_PICKLIST,
    audit,
    deleted,
    external_id,
    flag,
    long_area,
    pick,
    record_id,
    text,
    url,
    viewed,
)
from service.emulator.schema.model import SObject

PRODUCT2 = SObject(
    name="Product2",
    label="Product",
    label_plural="Products",
    key_prefix="01t",
    feed_enabled=True,
    scopes=(("everything", "All products"), ("mine", "My products")),
    fields=(
        record_id("Product ID"),
        text("Name", "Product Name", 255, name_field=True, write="required"),
        text("ProductCode", "Product Code", 255),
        long_area("Description", "Product Description", 4000),
        flag("IsActive", "Active"),
        *audit(),
        pick("Family", "Product Family", ("None",)),
        url("DisplayUrl", "Display URL", 1000),
        pick("QuantityUnitOfMeasure", "Quantity Unit Of Measure", ("Each",), length=SHORT_PICKLIST, restricted=True),
        deleted(),
        flag("IsArchived", "Archived", createable=False, updateable=False, permissionable=False),
        *viewed(),
        text("StockKeepingUnit", "Product SKU", 180),
        external_id(),
    ),
)
