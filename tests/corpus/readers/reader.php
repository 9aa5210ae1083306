<?php
// Says what PHP's own HTTP server reads: <<METHOD|operation>>.
$value = $_GET['operation'] ?? '';
$values = is_array($value) ? array_values($value) : [$value];
echo '<<', $_SERVER['REQUEST_METHOD'], '|=', rawurlencode((string)end($values)), '>>';
